//! Names SQL statements, and keeps a list of them so that none goes unchecked.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)+
        /// The statements of this file, by name.
        pub const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $sql)),+];
    };
}
pub(super) use statements;
