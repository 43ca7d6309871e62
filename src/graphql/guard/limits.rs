//! How large a document may be.

/// The limits of a document; the operator can set each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens, as they are written: some rules of validation compare each with each.
    pub tokens: usize,
    /// Fragments, used or not.
    pub fragments: usize,
    /// Directives, as they are written.
    pub directives: usize,
    /// Selections of all operations together, with every fragment in its place.
    pub selections: usize,
    /// Fields below each other.
    pub depth: usize,
    /// Aliases of an operation.
    pub aliases: usize,
    /// Fields of a query's root.
    pub root_fields: usize,
    /// Fields of a mutation's root.
    pub mutations: usize,
    /// Units, with every page full: see `weights`.
    pub cost: usize,
    /// The schema may be asked about itself.
    pub introspection: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 5_000,
            fragments: 50,
            directives: 50,
            selections: 2_000,
            depth: 12,
            aliases: 30,
            root_fields: 50,
            mutations: 10,
            cost: 1_000,
            introspection: true,
        }
    }
}

/// Sign-in mutations of an operation: each is a guess at a secret, so nobody can set it.
pub const SIGN_INS_MAX: usize = 1;
/// Selection sets within each other, with those of fragments: what the stack carries.
pub const NESTING_MAX: usize = 32;
/// Fields below each other, from `__schema` or `__type` on.
pub const INTROSPECTION_DEPTH_MAX: usize = 20;
/// Lists below each other in introspection: each multiplies the answer by the schema.
pub const INTROSPECTION_LISTS_MAX: usize = 3;
/// Units of introspection, which the question of GraphiQL and of code generators is well below.
pub const INTROSPECTION_COST_MAX: usize = 300_000;
