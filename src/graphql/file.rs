//! Files, as far as GraphQL shows them: the image that a person is shown by.
//!
//! The bytes come and go over `/files`, not here.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{request, user::UserPayload, viewer};
use crate::bank::file;

/// The caller's own image that POST /files took, else `NOT_FOUND`; absent or null removes the avatar.
#[derive(Clone, InputObject)]
pub struct SetAvatarInput {
    /// The image, by the id that POST /files answered with.
    file_id: Option<ID>,
}

/// The mutations of files.
#[derive(Default)]
pub struct FileMutation;

#[Object]
impl FileMutation {
    /// Shows the caller by one of their images; the one before is deleted.
    async fn set_avatar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which image.")] input: SetAvatarInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let file_id = input.file_id.as_deref().map(String::as_str);
        let outcome = file::set_avatar(request::bank(ctx), &viewer.permit, file_id).await;
        UserPayload::show(ctx, outcome)
    }
}
