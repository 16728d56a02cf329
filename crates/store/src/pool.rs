//! Connections.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use secrecy::{ExposeSecret, SecretString};

use crate::cached::Connection;
use crate::connect::BoundedConnect;
use crate::error::StoreError;

/// How much longer than a statement may take we wait for the server to say so.
const SILENCE_AFTER_TIMEOUT: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// Most connections of this process.
    pub pool_size: usize,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest statement; the server cancels it after that. A server that does not even do that is given up five
    /// seconds later.
    pub statement_timeout: Duration,
}

impl StoreConfig {
    /// Limits that suit one process: 10 connections, 5 s to get one, 10 s a statement.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            pool_size: 10,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("pool", &self.pool.status())
            .finish()
    }
}

impl Store {
    /// A pool for `config`. Connects on first use, so that a process can start before its database.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidUrl`] when the url cannot be read.
    pub fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let mut postgres: tokio_postgres::Config = config
            .url
            .expose_secret()
            .parse()
            .map_err(StoreError::InvalidUrl)?;
        postgres.connect_timeout(config.connect_timeout);
        let connect = BoundedConnect {
            silence: config.statement_timeout + SILENCE_AFTER_TIMEOUT,
        };
        let manager = Manager::from_connect(
            postgres,
            connect,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        // With few values in its arrays, a statement looks cheaper to the planner when it is planned anew each time, which
        // costs more than running it. Ours find their rows by keys whatever the values are. The one plan is made when the
        // tables of a new community are empty, where reading all of one is cheapest, and is kept while they fill: so that
        // way is closed. What has no other gets a price that would have its plan compiled.
        let settings = format!(
            "SET statement_timeout = {}; SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off",
            config.statement_timeout.as_millis()
        );
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.connect_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .post_create(Hook::async_fn(
                move |client: &mut deadpool_postgres::ClientWrapper, _| {
                    let settings = settings.clone();
                    Box::pin(async move {
                        client
                            .batch_execute(&settings)
                            .await
                            .map_err(HookError::Backend)
                    })
                },
            ))
            .build()
            .expect("a runtime is given, which is all that the builder checks");
        Ok(Self { pool })
    }

    /// A connection, for reads.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when none could be had in time.
    pub async fn connection(&self) -> Result<Connection, StoreError> {
        let object = self.pool.get().await.map_err(StoreError::Unavailable)?;
        Ok(Connection::new(object))
    }

    /// Asks the database for nothing, to see whether it answers.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.connection()
            .await?
            .simple_query("-- ping\nSELECT 1")
            .await?;
        Ok(())
    }

    /// Closes all connections.
    pub fn close(&self) {
        self.pool.close();
    }
}
