//! Where the servers of the local stack are, as its environment tells.

use std::time::Duration;

use anyhow::{Context, Result};
use easel_broker::management::{Management, Permissions};
use easel_service::config::{CdnConfig, S3Config};
use secrecy::SecretString;
use tokio::sync::OnceCell;
use url::Url;

/// A value of the stack's environment.
pub fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run `make test`, or run this under `compose/local/stack run`")
    })
}

fn address(name: &str) -> Result<Url> {
    variable(name)?
        .parse()
        .with_context(|| format!("read the address in {name}"))
}

/// The object store under its own account.
pub fn s3() -> Result<S3Config> {
    Ok(S3Config {
        endpoint: address("EASEL_TEST_S3_ENDPOINT")?,
        bucket: variable("EASEL_TEST_S3_BUCKET")?,
        region: variable("EASEL_TEST_S3_REGION")?,
        access_key: SecretString::from(variable("EASEL_TEST_S3_ACCESS_KEY")?),
        secret_key: SecretString::from(variable("EASEL_TEST_S3_SECRET_KEY")?),
        key_secret: None,
        request_timeout: Duration::from_secs(10),
    })
}

/// The CDN in front of it.
pub fn cdn() -> Result<CdnConfig> {
    Ok(CdnConfig {
        base_url: address("EASEL_TEST_CDN_BASE_URL")?,
        fetch_url: None,
    })
}

/// A virtual host that belongs to one test binary.
#[derive(Debug, Clone)]
pub struct Vhost {
    /// Its name.
    pub name: String,
    /// Its address under the administrator's account.
    pub url: Url,
    management_url: SecretString,
}

impl Vhost {
    /// Where accounts are made. A client of its own for each test: connections end with the runtime they began in.
    pub fn management(&self) -> Result<Management> {
        Management::new(&self.management_url).context("read the management address")
    }
}

/// The virtual host of this test binary, empty at the beginning of each run.
pub async fn vhost() -> Result<Vhost> {
    static MADE: OnceCell<Vhost> = OnceCell::const_new();
    let made = MADE.get_or_try_init(|| async {
        make_vhost(
            address("EASEL_TEST_BROKER_URL")?,
            variable("EASEL_TEST_BROKER_MANAGEMENT_URL")?,
        )
        .await
    });
    made.await.cloned()
}

/// The virtual host of this test binary on the broker at these addresses, empty.
pub async fn make_vhost(mut url: Url, management: String) -> Result<Vhost> {
    let program = std::env::current_exe().context("find the test's own name")?;
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    // Cargo appends a hash to the name.
    let name = format!(
        "easel-test-{}",
        program.rsplit_once('-').map_or(&*program, |(name, _)| name)
    );
    url.set_path(&name);
    let vhost = Vhost {
        name,
        url,
        management_url: SecretString::from(management),
    };
    let management = vhost.management()?;
    // Absent at the first run.
    let _ = management.delete_vhost(&vhost.name).await;
    management
        .create_vhost(&vhost.name)
        .await
        .context("make a virtual host")?;
    management
        .set_permissions(&vhost.name, vhost.url.username(), &Permissions::all())
        .await
        .context("give rights in the virtual host")?;
    Ok(vhost)
}
