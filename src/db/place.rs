//! Where a database is, and how it is to be talked to.

/// Where a database is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The database, or the pooler before it.
    pub url: String,
    /// PostgreSQL itself, where `url` names a pooler: it hears notifications there, and
    /// its schema is brought up to date there.
    pub direct_url: Option<String>,
    /// `url` names a pooler that lends a connection for one transaction at a time.
    pub pooled: bool,
    /// A standby on which long histories may be read.
    pub replica_url: Option<String>,
    /// Connections that are open at most: all of them on PostgreSQL, the readers on SQLite.
    pub connections: u32,
}

impl Place {
    /// A database that is talked to directly and has no replica.
    pub fn plain(url: &str, connections: u32) -> Self {
        let url = url.to_owned();
        Self { url, direct_url: None, pooled: false, replica_url: None, connections }
    }
}
