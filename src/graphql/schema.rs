//! The schema: all parts merged.

use async_graphql::{
    ContextSelectionSet, MergedObject, OutputType, Positioned, Schema, ServerResult,
    ValidationMode, Value, parser::types::Field, registry::Registry,
};

use super::{
    bill::{BillMutation, BillQuery},
    card::{CardMutation, CardQuery},
    customer::{CustomerMutation, CustomerQuery},
    entry::{Account, EntryQuery},
    errors::UserError,
    event::{EventQuery, Subscription},
    file::FileMutation,
    leaving::LeavingMutation,
    node::{Node, NodeQuery},
    operation::OperationQuery,
    password::PasswordMutation,
    profile::ProfileMutation,
    quote::QuoteQuery,
    registration::RegistrationMutation,
    savings::{SavingsMutation, SavingsQuery},
    second_factor::SecondFactorMutation,
    server_info::ServerInfoQuery,
    session::{SessionMutation, SessionQuery},
    sign_in::SignInMutation,
    staff::StaffMutation,
    transfer::TransferMutation,
    user::UserQuery,
    wallet::WalletQuery,
};
use crate::bank::context::Bank;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    UserQuery,
    NodeQuery,
    CardQuery,
    SavingsQuery,
    WalletQuery,
    BillQuery,
    EntryQuery,
    QuoteQuery,
    SessionQuery,
    OperationQuery,
    ServerInfoQuery,
    CustomerQuery,
    EventQuery,
);

/// What can be done. Every mutation lists its refusals in the errors of its payload.
#[derive(MergedObject, Default)]
pub struct Mutation(
    RegistrationMutation,
    SignInMutation,
    SessionMutation,
    FileMutation,
    PasswordMutation,
    ProfileMutation,
    SecondFactorMutation,
    CardMutation,
    SavingsMutation,
    TransferMutation,
    BillMutation,
    StaffMutation,
    CustomerMutation,
    LeavingMutation,
);

/// The schema with everything it works with.
pub type BankSchema = Schema<Query, Mutation, Subscription>;

/// Says in the registry that every account is a node.
///
/// A variant of `Node` would say it too, but then `__typename` would answer
/// "Account" instead of the kind of account. This type is registered and never
/// resolved.
struct AccountIsNode;

impl OutputType for AccountIsNode {
    fn type_name() -> std::borrow::Cow<'static, str> {
        <Node as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = <Node as OutputType>::create_type_info(registry);
        <Account as OutputType>::create_type_info(registry);
        registry.add_implements(
            &<Account as OutputType>::type_name(),
            &<Node as OutputType>::type_name(),
        );
        name
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<AccountIsNode>()
        .register_output_type::<UserError>()
        .disable_suggestions()
}

/// The schema over a bank, which validates documents by all rules or by the few that it
/// cannot run without.
pub fn build(bank: Bank, mode: ValidationMode) -> BankSchema {
    builder().data(bank).validation_mode(mode).finish()
}

/// The schema as text: what `schema.graphql` holds.
pub fn sdl() -> String {
    builder().finish().sdl()
}
