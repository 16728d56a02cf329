//! Against a real S3 server that checks signatures, and the CDN in front of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use easel_blobs::{
    BlobError, BlobStore, FileDigests, GrantClient, GrantError, ObjectKey, Scope, Stored,
    UploadCheck, UploadTerms,
};
use easel_domain::UserId;
use easel_domain::clock::EntropyExt;
use easel_domain::message::{DownloadGrant, UploadGrant};
use easel_domain::picture::StorageClass;
use easel_service::SystemEntropy;
use easel_service::config::{CdnConfig, S3Config};
use secrecy::SecretString;

const MINUTE: Duration = Duration::from_mins(1);

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run `make test`, or set EASEL_TEST_S3_* and EASEL_TEST_CDN_BASE_URL"
        )
    })
}

fn s3() -> S3Config {
    S3Config {
        endpoint: variable("EASEL_TEST_S3_ENDPOINT")
            .parse()
            .expect("an address"),
        bucket: variable("EASEL_TEST_S3_BUCKET"),
        region: variable("EASEL_TEST_S3_REGION"),
        access_key: SecretString::from(variable("EASEL_TEST_S3_ACCESS_KEY")),
        secret_key: SecretString::from(variable("EASEL_TEST_S3_SECRET_KEY")),
        key_secret: None,
        request_timeout: Duration::from_secs(10),
    }
}

fn cdn() -> CdnConfig {
    CdnConfig {
        base_url: variable("EASEL_TEST_CDN_BASE_URL")
            .parse()
            .expect("an address"),
        fetch_url: None,
    }
}

fn store() -> BlobStore {
    BlobStore::new(&s3(), &cdn()).expect("usable settings")
}

fn client() -> GrantClient {
    GrantClient::new(Arc::new(SystemEntropy)).expect("a client")
}

/// A body that no other test has, its terms and its key.
struct File {
    body: Bytes,
    terms: UploadTerms,
    key: ObjectKey,
}

impl File {
    fn new(store: &BlobStore, class: StorageClass) -> Self {
        let body = Bytes::from(format!("picture {}", SystemEntropy.random_uuid()));
        let digests = FileDigests::of(&body);
        let terms = UploadTerms {
            sha256: digests.sha256,
            md5: digests.md5,
            size_bytes: digests.size_bytes,
            content_type: "image/png".into(),
        };
        let scope = match class {
            StorageClass::Private => Scope::User(UserId(SystemEntropy.random_uuid())),
            other => Scope::Retention(other),
        };
        let key = store
            .key(class, scope, &terms.sha256, "image/png")
            .expect("a key");
        Self { body, terms, key }
    }

    async fn stored(store: &BlobStore, class: StorageClass) -> Self {
        let file = Self::new(store, class);
        let grant = store
            .grant_upload(&file.key, &file.terms)
            .await
            .expect("a grant");
        assert_eq!(
            client()
                .put(&grant, file.body.clone())
                .await
                .expect("an upload"),
            Stored::Now
        );
        file
    }
}

/// Sends what a dishonest node might: the grant's headers but for those replaced or (with `None`) dropped.
async fn send(grant: &UploadGrant, body: Bytes, changes: &[(&str, Option<&str>)]) -> u16 {
    let mut request = reqwest::Client::new().put(&grant.url);
    for (name, value) in &grant.headers {
        let change = changes.iter().find(|(changed, _)| changed == name);
        match change {
            Some((_, Some(other))) => request = request.header(name, *other),
            Some((_, None)) => {}
            None if name == "content-length" => {}
            None => request = request.header(name, value),
        }
    }
    request
        .body(body)
        .send()
        .await
        .expect("an answer")
        .status()
        .as_u16()
}

#[tokio::test]
async fn the_granted_body_is_stored_once_and_then_found_there() {
    let store = store();
    store.probe().await.unwrap();
    let file = File::new(&store, StorageClass::Public);
    assert_eq!(
        store.check_upload(&file.key, &file.terms).await.unwrap(),
        UploadCheck::Missing
    );
    let grant = store.grant_upload(&file.key, &file.terms).await.unwrap();
    assert_eq!(grant.key, file.key.as_str());
    assert_eq!(
        client().put(&grant, file.body.clone()).await.unwrap(),
        Stored::Now
    );
    assert_eq!(
        client().put(&grant, file.body.clone()).await.unwrap(),
        Stored::Before
    );
    assert_eq!(
        store.check_upload(&file.key, &file.terms).await.unwrap(),
        UploadCheck::Good
    );
    let info = store.head(&file.key).await.unwrap().unwrap();
    assert_eq!(
        (info.size_bytes, info.content_type.as_str()),
        (file.terms.size_bytes, "image/png")
    );
    assert_eq!(store.get(&file.key).await.unwrap(), file.body);
    store.delete(&file.key).await.unwrap();
    store.delete(&file.key).await.unwrap();
    assert_eq!(store.head(&file.key).await.unwrap(), None);
    assert!(matches!(
        store.get(&file.key).await,
        Err(BlobError::NotFound { .. })
    ));
}

#[tokio::test]
async fn another_body_is_refused_deleted_and_can_be_granted_again() {
    let store = store();
    let file = File::new(&store, StorageClass::Public);
    let grant = store.grant_upload(&file.key, &file.terms).await.unwrap();
    let forged = Bytes::from("x".repeat(file.body.len()));
    let error = client().put(&grant, forged).await.unwrap_err();
    assert!(
        matches!(error, GrantError::Refused { status: 400, .. }),
        "{error}"
    );
    assert!(error.wants_a_new_grant());
    let check = store.check_upload(&file.key, &file.terms).await.unwrap();
    assert_ne!(check, UploadCheck::Good);
    store.delete(&file.key).await.unwrap();
    assert_eq!(store.head(&file.key).await.unwrap(), None);
    let grant = store.grant_upload(&file.key, &file.terms).await.unwrap();
    assert_eq!(
        client().put(&grant, file.body.clone()).await.unwrap(),
        Stored::Now
    );
    assert_eq!(
        store.check_upload(&file.key, &file.terms).await.unwrap(),
        UploadCheck::Good
    );
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed() {
    let store = store();
    let file = File::new(&store, StorageClass::Public);
    let grant = store.grant_upload(&file.key, &file.terms).await.unwrap();
    let longer = Bytes::from([file.body.as_ref(), b"tail"].concat());
    let error = client().put(&grant, longer.clone()).await.unwrap_err();
    assert!(matches!(error, GrantError::WrongBody(_)), "{error}");
    let body = || file.body.clone();
    assert_eq!(send(&grant, longer, &[]).await, 403, "a longer body");
    let changes = [
        ("cache-control", Some("public, max-age=1")),
        ("cache-control", None),
        ("content-type", Some("text/html")),
        ("if-none-match", None),
        ("x-amz-checksum-sha256", None),
    ];
    for change in changes {
        assert_eq!(send(&grant, body(), &[change]).await, 403, "{change:?}");
    }
    let unsigned = UploadGrant {
        url: grant.url.split('?').next().unwrap().into(),
        ..grant.clone()
    };
    assert_eq!(send(&unsigned, body(), &[]).await, 403, "no signature");
    let elsewhere = UploadGrant {
        url: grant.url.replacen("/public/", "/private/", 1),
        ..grant.clone()
    };
    assert_eq!(send(&elsewhere, body(), &[]).await, 403, "another key");
    assert_eq!(store.head(&file.key).await.unwrap(), None);
    assert_eq!(
        send(&grant, body(), &[]).await,
        200,
        "the grant itself still works"
    );
}

#[tokio::test]
async fn a_granted_download_is_checked() {
    let store = store();
    let file = File::stored(&store, StorageClass::Input).await;
    let grant = store
        .grant_download(&file.key, &file.terms.sha256, MINUTE)
        .await
        .unwrap();
    assert_eq!(client().get(&grant, 1_000).await.unwrap(), file.body);
    let error = client().get(&grant, 5).await.unwrap_err();
    assert!(
        matches!(error, GrantError::TooLarge { limit_bytes: 5 }),
        "{error}"
    );
    let other = DownloadGrant {
        sha256: "0".repeat(64),
        ..grant.clone()
    };
    assert!(matches!(
        client().get(&other, 1_000).await,
        Err(GrantError::WrongBody(_))
    ));
    let unsigned = DownloadGrant {
        url: grant.url.split('?').next().unwrap().into(),
        ..grant
    };
    assert!(matches!(
        client().get(&unsigned, 1_000).await,
        Err(GrantError::Refused { status: 403, .. })
    ));
    store.delete(&file.key).await.unwrap();
    let grant = store
        .grant_download(&file.key, &file.terms.sha256, MINUTE)
        .await
        .unwrap();
    assert!(matches!(
        client().get(&grant, 1_000).await,
        Err(GrantError::NotFound)
    ));
}

#[tokio::test]
async fn only_public_objects_are_read_through_the_cdn() {
    let store = store();
    let public = File::stored(&store, StorageClass::Public).await;
    let url = store.public_url(&public.key).unwrap();
    let answer = reqwest::get(url.clone()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), public.body);
    for class in [
        StorageClass::Private,
        StorageClass::Quarantine,
        StorageClass::Input,
        StorageClass::Scratch,
    ] {
        let hidden = File::stored(&store, class).await;
        assert_eq!(store.public_url(&hidden.key), None);
        let mut guess = url.clone();
        guess.set_path(&url.path().replace(public.key.as_str(), hidden.key.as_str()));
        let status = reqwest::get(guess).await.unwrap().status();
        assert!(status.is_client_error(), "{class:?}: {status}");
        let link = store.signed_link(&hidden.key, MINUTE).await.unwrap();
        assert_eq!(
            reqwest::get(link.as_str())
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap(),
            hidden.body
        );
        let direct = reqwest::get(link.split('?').next().unwrap())
            .await
            .unwrap()
            .status();
        assert_eq!(direct, 403, "{class:?} without a signature");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_told_apart() {
    let wrong = S3Config {
        secret_key: SecretString::from("wrong".to_string()),
        ..s3()
    };
    let error = BlobStore::new(&wrong, &cdn())
        .unwrap()
        .probe()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BlobError::Credentials { .. }), "{text}");
    assert!(
        text.contains(variable("EASEL_TEST_S3_ENDPOINT").trim_end_matches('/')),
        "{text}"
    );
    assert!(
        text.contains(&s3().bucket) && text.contains("EASEL_S3__SECRET_KEY"),
        "{text}"
    );
    let error = BlobStore::new(
        &S3Config {
            bucket: "nowhere".into(),
            ..s3()
        },
        &cdn(),
    )
    .unwrap()
    .probe()
    .await
    .unwrap_err();
    assert!(matches!(error, BlobError::NoBucket { .. }), "{error}");
    let gone = S3Config {
        endpoint: "http://127.0.0.1:1".parse().unwrap(),
        ..s3()
    };
    let error = BlobStore::new(&gone, &cdn())
        .unwrap()
        .probe()
        .await
        .unwrap_err();
    assert!(matches!(error, BlobError::Unreachable { .. }), "{error}");
    let no_cdn = CdnConfig {
        base_url: "ftp://x".parse().unwrap(),
        fetch_url: None,
    };
    assert!(matches!(
        BlobStore::new(&s3(), &no_cdn),
        Err(BlobError::Settings(_))
    ));
}

#[tokio::test]
async fn terms_that_cannot_be_granted_are_refused_before_anything_is_signed() {
    let store = store();
    let file = File::new(&store, StorageClass::Public);
    let terms = |change: fn(&mut UploadTerms)| {
        let mut terms = file.terms.clone();
        change(&mut terms);
        terms
    };
    let bad = [
        terms(|terms| terms.size_bytes = u64::MAX),
        terms(|terms| terms.sha256 = "abc".into()),
        terms(|terms| terms.content_type = "image/png\r\nx: y".into()),
    ];
    for terms in bad {
        assert!(
            matches!(
                store.grant_upload(&file.key, &terms).await,
                Err(BlobError::Settings(_))
            ),
            "{terms:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_tried_again_and_then_reported_without_the_link() {
    let grant = DownloadGrant {
        sha256: "0".repeat(64),
        url: "http://127.0.0.1:1/secret-path".into(),
    };
    let error = client().get(&grant, 10).await.unwrap_err();
    assert!(matches!(error, GrantError::Unreachable(_)), "{error}");
    let told = format!("{:#}", anyhow::Error::new(error));
    assert!(!told.contains("secret-path"), "{told}");
}
