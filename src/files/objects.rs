//! What keeps bytes under a name: a local folder, or a bucket of an S3-compatible store.

use std::time::Duration;
use std::{fs, io, os::unix::fs::DirBuilderExt as _, path::Path as FilePath, sync::Arc};

use bytes::Bytes;
use object_store::{
    BackoffConfig, ClientOptions, Error, GetResult, ObjectStore, ObjectStoreExt as _, RetryConfig,
    aws::AmazonS3Builder, local::LocalFileSystem, memory::InMemory, path::Path,
    prefix::PrefixStore,
};

use crate::types::secret::Secret;

/// How long one request to a bucket may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a request that failed is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// The store failed.
#[derive(Debug, thiserror::Error)]
#[error("the store of files failed: {0}")]
pub struct ObjectsError(#[from] Error);

/// The store of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreSettingError {
    /// The folder cannot be made.
    #[error("cannot be made or opened: {0}")]
    Folder(#[source] io::Error),
    /// The store's own library says so.
    #[error("cannot be used: {0}")]
    Store(#[from] Error),
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What stands before every object's name; empty for nothing.
    pub prefix: String,
    /// Where the store answers; none for AWS itself.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// Who we are to the store.
    pub access_key_id: String,
    /// What proves it.
    pub secret_access_key: Secret,
}

/// The store of files. A clone is the same store.
#[derive(Debug, Clone)]
pub struct Objects(Arc<dyn ObjectStore>);

impl Objects {
    /// A folder, which is made where there is none, for its owner alone.
    pub fn in_folder(folder: &FilePath) -> Result<Self, StoreSettingError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(StoreSettingError::Folder)?;
        // What was answered is on the disk: a name without its bytes would be a lie.
        Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true))))
    }

    /// A bucket; whether it is there is seen at the first file.
    pub fn in_bucket(bucket: &Bucket) -> Result<Self, StoreSettingError> {
        // Where another part of the process has chosen one already, that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = bucket.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 3,
            retry_timeout: RETRY_TIMEOUT,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_access_key_id(&bucket.access_key_id)
            .with_secret_access_key(bucket.secret_access_key.expose())
            .with_client_options(ClientOptions::new().with_timeout(REQUEST_TIMEOUT))
            .with_allow_http(plain)
            // One object is removed at a time, and not every store knows the other way.
            .with_disable_bulk_delete(true)
            .with_retry(retry);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build()?;
        Ok(Self(if bucket.prefix.is_empty() {
            Arc::new(store)
        } else {
            Arc::new(PrefixStore::new(store, bucket.prefix.as_str()))
        }))
    }

    /// Memory, for tests.
    pub fn in_memory() -> Self {
        Self(Arc::new(InMemory::new()))
    }

    /// Keeps bytes under a name of ours.
    pub async fn put(&self, name: &str, content: Bytes) -> Result<(), ObjectsError> {
        self.0.put(&Path::from(name), content.into()).await?;
        Ok(())
    }

    /// What is kept under a name, to be read piece by piece; none where there is nothing.
    pub async fn get(&self, name: &str) -> Result<Option<GetResult>, ObjectsError> {
        match self.0.get(&Path::from(name)).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets what is kept under a name, if there is anything.
    pub async fn remove(&self, name: &str) -> Result<(), ObjectsError> {
        match self.0.delete(&Path::from(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
