//! Pool, migrations and the transaction runner against a real server.

use std::sync::atomic::{AtomicU32, Ordering};

use easel_store::testing::TestDatabase;
use easel_store::{Store, StoreConfig, StoreError};
use secrecy::SecretString;

#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let db = TestDatabase::create().await;
    let rows = db
        .store
        .connection()
        .await
        .unwrap()
        .query(
            "SELECT c.relname || coalesce('.' || a.attname, '')
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
               AND c.relname <> 'refinery_schema_history'
               AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)",
            &[],
        )
        .await
        .unwrap();
    let bare: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[tokio::test]
async fn migrating_twice_and_at_once_changes_nothing() {
    let db = TestDatabase::create().await;
    let (first, second) = tokio::join!(db.store.migrate(), db.store.migrate());
    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn a_database_newer_than_the_build_is_refused() {
    let db = TestDatabase::create().await;
    db.store
        .connection()
        .await
        .unwrap()
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (9999, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
            &[],
        )
        .await
        .unwrap();
    assert!(matches!(
        db.store.migrate().await,
        Err(StoreError::Migration(_))
    ));
}

#[tokio::test]
async fn the_ledger_cannot_be_rewritten() {
    let db = TestDatabase::create().await;
    let connection = db.store.connection().await.unwrap();
    connection
        .batch_execute(
            "INSERT INTO users (id) VALUES ('00000000-0000-0000-0000-000000000001');
             INSERT INTO ledger (user_id, kind, settles, amount)
             VALUES ('00000000-0000-0000-0000-000000000001', 'reserve', false, -1)",
        )
        .await
        .unwrap();
    for statement in ["UPDATE ledger SET amount = 0", "DELETE FROM ledger"] {
        let error = connection.batch_execute(statement).await.unwrap_err();
        assert!(
            error
                .as_db_error()
                .is_some_and(|e| e.message().contains("append-only")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_body_leaves_nothing_behind() {
    let db = TestDatabase::create().await;
    let result = db
        .store
        .run("test_rollback", |tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO users (id) VALUES (gen_random_uuid())", &[])
                    .await?;
                Err::<(), _>(StoreError::Timeout("the test"))
            })
        })
        .await;
    assert!(matches!(result, Err(StoreError::Timeout(_))));
    let row = db
        .store
        .connection()
        .await
        .unwrap()
        .query_one("SELECT count(*) FROM users", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_deadlocked_transaction_is_run_again() {
    let db = TestDatabase::create().await;
    let runs = AtomicU32::new(0);
    let result = db
        .store
        .run("test_deadlock", |tx| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if run < 2 {
                    tx.batch_execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
                        .await?;
                }
                Ok(run)
            })
        })
        .await;
    assert_eq!(result.unwrap(), 2);
}

#[tokio::test]
async fn no_database_is_a_clear_error_without_the_password() {
    let url = "postgres://easel:hunter2@127.0.0.1:1/easel";
    let store = Store::new(&StoreConfig::new(SecretString::from(url))).unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)) && error.is_transient());
    assert!(!format!("{error:?} {store:?}").contains("hunter2"));
}

/// Carries bytes between clients and the real server until it is told to freeze; then it holds every connection open and
/// moves nothing.
async fn carry_until_frozen(
    listener: tokio::net::TcpListener,
    server_port: u16,
    frozen: tokio_util::sync::CancellationToken,
) {
    let mut roads = tokio::task::JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.expect("take a connection");
        let frozen = frozen.clone();
        roads.spawn(async move {
            let mut far = tokio::net::TcpStream::connect(("127.0.0.1", server_port))
                .await
                .expect("reach the server");
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                () = frozen.cancelled() => std::future::pending().await,
            }
        });
    }
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up() {
    let db = TestDatabase::create().await;
    let server: tokio_postgres::Config = db.url.parse().unwrap();
    let server_port = server.get_ports()[0];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = db
        .url
        .replace(&format!(":{server_port}/"), &format!(":{port}/"));
    let frozen = tokio_util::sync::CancellationToken::new();
    let mut roads = tokio::task::JoinSet::new();
    roads.spawn(carry_until_frozen(listener, server_port, frozen.clone()));

    let mut config = StoreConfig::new(SecretString::from(url));
    config.statement_timeout = std::time::Duration::from_millis(500);
    let store = Store::new(&config).unwrap();
    store.ping().await.unwrap();
    frozen.cancel();
    let ended = tokio::time::timeout(std::time::Duration::from_mins(1), store.ping()).await;
    let error = ended.expect("the silence has a limit").unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
