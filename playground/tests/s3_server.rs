//! The local S3 server as its clients see it: over HTTP, signed and unsigned.

use anyhow::Result;
use easel_playground::s3::{S3Config, S3Server, S3ServerError};
use reqwest::{Client, StatusCode};
use s3::{Bucket, Region, creds::Credentials};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a free port over a directory that goes with it.
struct World {
    origin: String,
    http: Client,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _root: TempDir,
}

impl World {
    async fn start() -> Result<Self> {
        let root = tempfile::tempdir()?;
        let config = S3Config {
            root: root.path().to_owned(),
            bucket: "easel".to_owned(),
            access_key: "someone".to_owned(),
            secret_key: "secret".to_owned().into(),
        };
        let server = S3Server::new(TcpListener::bind("127.0.0.1:0").await?, config)?;
        let origin = format!("http://{}", server.address()?);
        let (stop, stopped) = oneshot::channel::<()>();
        #[expect(
            clippy::disallowed_methods,
            reason = "the handle is kept and joined by `end`"
        )]
        let server = tokio::spawn(server.run(async {
            // A dropped sender stops the server as well.
            let _ = stopped.await;
        }));
        Ok(Self {
            origin,
            http: Client::new(),
            stop,
            server,
            _root: root,
        })
    }

    fn bucket(&self, secret: &str) -> Result<Box<Bucket>> {
        let region = Region::Custom {
            region: "us-east-1".to_owned(),
            endpoint: self.origin.clone(),
        };
        let account = Credentials::new(Some("someone"), Some(secret), None, None, None)?;
        Ok(Bucket::new("easel", region, account)?.with_path_style())
    }

    async fn put(&self, key: &str) -> Result<StatusCode> {
        let url = self
            .bucket("secret")?
            .presign_put(key, 60, None, None)
            .await?;
        Ok(self.http.put(url).body("picture").send().await?.status())
    }

    async fn get_unsigned(&self, path: &str) -> Result<StatusCode> {
        Ok(self
            .http
            .get(format!("{}/{path}", self.origin))
            .send()
            .await?
            .status())
    }

    async fn end(self) -> Result<()> {
        let _ = self.stop.send(());
        Ok(self.server.await?)
    }
}

#[tokio::test]
async fn public_objects_are_read_by_anyone_and_private_ones_by_signature() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(world.put("public/a.png").await?, StatusCode::OK);
    assert_eq!(world.put("private/a.png").await?, StatusCode::OK);

    assert_eq!(
        world.get_unsigned("easel/public/a.png").await?,
        StatusCode::OK
    );
    assert_eq!(
        world.get_unsigned("easel/private/a.png").await?,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world
            .get_unsigned("easel/public/%2e%2e/private/a.png")
            .await?,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world.get_unsigned("easel?list-type=2").await?,
        StatusCode::FORBIDDEN
    );

    let url = world
        .bucket("secret")?
        .presign_get("private/a.png", 60, None)
        .await?;
    assert_eq!(world.http.get(url).send().await?.text().await?, "picture");
    world.end().await
}

#[tokio::test]
async fn nothing_is_written_without_the_right_signature() -> Result<()> {
    let world = World::start().await?;
    let unsigned = world
        .http
        .put(format!("{}/easel/public/b.png", world.origin))
        .body("picture")
        .send()
        .await?;
    assert_eq!(unsigned.status(), StatusCode::FORBIDDEN);

    let url = world
        .bucket("guess")?
        .presign_put("public/b.png", 60, None, None)
        .await?;
    assert_eq!(
        world.http.put(url).body("picture").send().await?.status(),
        StatusCode::FORBIDDEN
    );

    // A URL that was signed for one key opens no other.
    let url = world
        .bucket("secret")?
        .presign_put("public/b.png", 60, None, None)
        .await?;
    let moved = url.replace("public/b.png", "public/c.png");
    assert_eq!(
        world.http.put(moved).body("picture").send().await?.status(),
        StatusCode::FORBIDDEN
    );

    assert_eq!(
        world.get_unsigned("easel/public/b.png").await?,
        StatusCode::NOT_FOUND
    );
    world.end().await
}

#[tokio::test]
async fn a_bucket_name_that_is_a_path_is_refused() -> Result<()> {
    let root = tempfile::tempdir()?;
    let config = S3Config {
        root: root.path().to_owned(),
        bucket: "../elsewhere".to_owned(),
        access_key: "someone".to_owned(),
        secret_key: "secret".to_owned().into(),
    };
    let refused = S3Server::new(TcpListener::bind("127.0.0.1:0").await?, config);
    assert!(matches!(refused, Err(S3ServerError::BucketName(name)) if name == "../elsewhere"));
    Ok(())
}
