//! A fresh, migrated database for each test, on the server that `EASEL_TEST_DATABASE_URL` names.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio_postgres::NoTls;

use crate::pool::{Store, StoreConfig};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that is dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Its store.
    pub store: Store,
    /// Its url, for processes under test.
    pub url: String,
    name: String,
    server_url: String,
}

impl TestDatabase {
    /// Creates a database and migrates it.
    ///
    /// # Panics
    ///
    /// When there is no server to create it on.
    pub async fn create() -> Self {
        let server_url = std::env::var("EASEL_TEST_DATABASE_URL")
            .expect("EASEL_TEST_DATABASE_URL is not set: run `make test`, or run this under `compose/local/stack run`");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("easel_test_{}_{number}", std::process::id());
        let server = connect(&server_url).await;
        server
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
            .expect("drop a leftover");
        server
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("create a test database");
        let url = with_database(&server_url, &name);
        let mut config = StoreConfig::new(SecretString::from(url.clone()));
        config.pool_size = 4;
        config.connect_timeout = Duration::from_secs(10);
        let store = Store::new(&config).expect("the url was good enough for the server");
        store.migrate().await.expect("migrate a test database");
        Self {
            store,
            url,
            name,
            server_url,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.store.close();
        let (name, url) = (self.name.clone(), self.server_url.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let server = connect(&url).await;
                // A database that stays behind costs disk only until the stack is taken down.
                let _ = server
                    .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await;
            });
        });
        let _ = dropping.join();
    }
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("connect to the test server");
    #[expect(
        clippy::disallowed_methods,
        reason = "lives as long as the client, in tests only"
    )]
    tokio::spawn(connection);
    client
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let server = base[scheme_end..]
        .find('/')
        .map_or(base, |at| &base[..scheme_end + at]);
    query.map_or_else(
        || format!("{server}/{name}"),
        |query| format!("{server}/{name}?{query}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        assert_eq!(
            with_database("postgres://u:p@h:1/old?x=y", "new"),
            "postgres://u:p@h:1/new?x=y"
        );
        assert_eq!(
            with_database("postgres://u:p@h:1", "new"),
            "postgres://u:p@h:1/new"
        );
    }
}
