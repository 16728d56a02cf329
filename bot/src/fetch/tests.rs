use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use image::{DynamicImage, ImageFormat};
use tokio::task::JoinSet;

use super::*;

/// `pictures.test` is this machine, `private.test` a private network, `mixed.test` half of each, `public.test` nobody.
#[derive(Default)]
struct Names {
    look_ups: AtomicUsize,
}

impl HostResolver for Names {
    fn look_up(&self, host: &str) -> resolve::Lookup {
        self.look_ups.fetch_add(1, Ordering::Relaxed);
        let addresses: Vec<std::net::IpAddr> = match host {
            "pictures.test" => vec![Ipv4Addr::LOCALHOST.into()],
            "private.test" => vec![Ipv4Addr::new(10, 0, 0, 1).into()],
            "mixed.test" => vec![Ipv4Addr::new(1, 1, 1, 1).into(), Ipv4Addr::LOCALHOST.into()],
            "mapped.test" => vec![Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()],
            _ => Vec::new(),
        };
        Box::pin(async move {
            if addresses.is_empty() {
                return Err(std::io::Error::other("no such host"));
            }
            Ok(addresses)
        })
    }
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height)
        .write_to(&mut file, format)
        .unwrap();
    file.into_inner()
}

/// A PNG whose header promises these dimensions, and nothing else.
fn promised(width: u32, height: u32) -> Vec<u8> {
    let mut file = encoded(1, 1, ImageFormat::Png);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    file
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

async fn serve(Path(what): Path<String>) -> Response {
    let hop = |target: &str| Redirect::temporary(target).into_response();
    match what.as_str() {
        "cat.png" => encoded(6, 4, ImageFormat::Png).into_response(),
        "cat.jpg" => encoded(6, 4, ImageFormat::Jpeg).into_response(),
        "cat.webp" => encoded(6, 4, ImageFormat::WebP).into_response(),
        "cat.gif" => encoded(6, 4, ImageFormat::Gif).into_response(),
        "page.png" => ([(header::CONTENT_TYPE, "image/png")], "<html>").into_response(),
        "cut.png" => encoded(6, 4, ImageFormat::Png)[..20]
            .to_vec()
            .into_response(),
        "bomb.png" => promised(30_000, 30_000).into_response(),
        "long.png" => promised(9_000, 1).into_response(),
        "large.png" => vec![0; 70_000].into_response(),
        "endless.png" => {
            // No length is announced.
            let chunks = (0..64).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 4_096]));
            Body::from_stream(futures::stream::iter(chunks)).into_response()
        }
        "never.png" => std::future::pending().await,
        "one" => hop("/two"),
        "two" => hop("/cat.png"),
        "loop" => hop("/loop"),
        "to-private" => hop("http://private.test/cat.png"),
        "to-loopback" => hop("http://127.0.0.1/cat.png"),
        "to-metadata" => hop("http://169.254.169.254/latest/meta-data"),
        "to-other-port" => hop("http://pictures.test/cat.png"),
        "to-file" => hop("file:///etc/passwd"),
        "to-nowhere" => StatusCode::FOUND.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

struct Setting {
    fetcher: Fetcher,
    names: Arc<Names>,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Setting {
    async fn new(settings: FetchConfig) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let router = Router::new().route("/{what}", get(serve));
            axum::serve(listener, router).await.unwrap();
        });
        let origin = format!("http://pictures.test:{}", address.port());
        let settings = FetchConfig {
            trusted_origins: vec![origin.parse().unwrap()],
            ..settings
        };
        let names = Arc::new(Names::default());
        Self {
            fetcher: Fetcher::with_resolver(settings, names.clone()).unwrap(),
            names,
            address,
            _server: server,
        }
    }

    async fn get(&self, path: &str) -> Result<FetchedPicture, FetchError> {
        let url = format!("http://pictures.test:{}/{path}", self.address.port());
        self.fetcher.picture(&url.parse().unwrap()).await
    }

    async fn follow(&self, url: &str) -> Result<FetchedPicture, FetchError> {
        self.fetcher.picture(&url.parse().unwrap()).await
    }
}

#[tokio::test]
async fn pictures_are_recognised_by_their_content_and_measured() {
    let setting = Setting::new(FetchConfig::default()).await;
    for (path, format) in [
        ("cat.png", PictureFormat::Png),
        ("cat.jpg", PictureFormat::Jpeg),
        ("cat.webp", PictureFormat::WebP),
        ("cat.gif", PictureFormat::Gif),
    ] {
        let picture = setting.get(path).await.unwrap();
        assert_eq!(
            (picture.format, picture.width, picture.height),
            (format, 6, 4),
            "{path}"
        );
    }
    assert!(matches!(
        setting.get("page.png").await,
        Err(FetchError::NotAPicture)
    ));
    assert!(matches!(
        setting.get("cut.png").await,
        Err(FetchError::Damaged)
    ));
    assert!(matches!(
        setting.get("gone.png").await,
        Err(FetchError::Status(404))
    ));
}

#[tokio::test]
async fn a_decompression_bomb_is_refused_by_its_header() {
    let setting = Setting::new(FetchConfig::default()).await;
    assert!(matches!(
        setting.get("bomb.png").await,
        Err(FetchError::TooManyPixels {
            width: 30_000,
            height: 30_000,
            ..
        })
    ));
    assert!(matches!(
        setting.get("long.png").await,
        Err(FetchError::TooManyPixels { width: 9_000, .. })
    ));
}

#[tokio::test]
async fn bytes_are_bounded_whether_they_are_announced_or_not() {
    let setting = Setting::new(FetchConfig {
        max_bytes: 50_000,
        ..FetchConfig::default()
    })
    .await;
    for path in ["large.png", "endless.png"] {
        assert!(
            matches!(
                setting.get(path).await,
                Err(FetchError::TooLarge { max_bytes: 50_000 })
            ),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_costs_no_more_than_the_time_allowed() {
    let setting = Setting::new(FetchConfig {
        timeout: Duration::from_millis(200),
        ..FetchConfig::default()
    })
    .await;
    assert!(matches!(
        setting.get("never.png").await,
        Err(FetchError::Slow)
    ));
}

#[tokio::test]
async fn private_addresses_are_not_followed_however_they_are_written() {
    let setting = Setting::new(FetchConfig::default()).await;
    let port = setting.address.port();
    for url in [
        "http://127.0.0.1/a.png",
        "http://2130706433/a.png",
        "http://0x7f.1/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "http://169.254.169.254/latest/meta-data/a.png",
        "https://private.test/a.png",
        "http://mixed.test/a.png",
        "http://mapped.test/a.png",
        "http://pictures.test/a.png",
    ] {
        let refused = setting.follow(url).await;
        assert!(
            matches!(refused, Err(FetchError::Private)),
            "{url}: {refused:?}"
        );
    }
    for url in [
        "ftp://pictures.test/a.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://user@pictures.test/a.png".to_owned(),
        format!("http://127.0.0.1:{port}/cat.png"),
        "http://private.test:8080/a.png".to_owned(),
    ] {
        let refused = setting.follow(&url).await;
        assert!(
            matches!(refused, Err(FetchError::Kind)),
            "{url}: {refused:?}"
        );
    }
    assert!(matches!(
        setting.follow("http://nobody.test/a.png").await,
        Err(FetchError::Unreachable(_))
    ));
}

/// A name that leads elsewhere at the second question would get round the check.
#[tokio::test]
async fn the_addresses_that_were_checked_are_those_connected_to() {
    let setting = Setting::new(FetchConfig::default()).await;
    setting.get("cat.png").await.unwrap();
    assert_eq!(setting.names.look_ups.load(Ordering::Relaxed), 1);
    let refused = setting.follow("http://private.test/cat.png").await;
    assert!(matches!(refused, Err(FetchError::Private)));
    assert_eq!(setting.names.look_ups.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn every_hop_of_a_redirect_passes_the_same_checks() {
    let setting = Setting::new(FetchConfig::default()).await;
    assert_eq!(setting.get("one").await.unwrap().width, 6);
    for path in ["to-private", "to-loopback", "to-metadata", "to-other-port"] {
        let refused = setting.get(path).await;
        assert!(
            matches!(refused, Err(FetchError::Private)),
            "{path}: {refused:?}"
        );
    }
    assert!(matches!(
        setting.get("to-file").await,
        Err(FetchError::Kind)
    ));
    for path in ["loop", "to-nowhere"] {
        assert!(
            matches!(setting.get(path).await, Err(FetchError::Redirects)),
            "{path}"
        );
    }
}
