//! Floor 2: files that people bring, and what keeps them.
//!
//! `format` tells by its content what a file is, `picture` makes an image anew so that
//! nothing but its pixels is left, `multipart` finds the file in a form's body, `desk`
//! bounds how many are taken at once, and `objects` keeps bytes under a name. This floor
//! knows no person and no table: whose a file is, and who may see it, is known above.
//!
//! To add a format: 1. a variant of `format::FileFormat`, and the compiler names what
//! must be said of it; 2. how it is told from others; 3. where it is an image, its codec
//! in `picture`.

pub mod format;
pub mod multipart;
pub mod picture;
pub mod desk;
pub mod objects;
