use std::io::Write;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
struct Settings {
    #[serde(default)]
    http: HttpConfig,
    #[serde(default)]
    log: LogConfig,
    database: DatabaseConfig,
    #[serde(default)]
    s3: Option<S3Config>,
    #[serde(default)]
    discord_token: Option<SecretString>,
    #[serde(default)]
    shards: Vec<u16>,
}

const URL: (&str, &str) = ("EASEL_DATABASE__URL", "postgres://easel:pw@localhost/easel");

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(text.as_bytes())
        .expect("a temporary file can be written");
    file
}

fn read(sources: &Sources) -> Result<Loaded<Settings>, ConfigError> {
    load("gpu-node", sources)
}

#[test]
fn flags_win_over_environment_over_file() {
    let file = file(
        "[http]\nlisten = '127.0.0.1:1'\n[database]\nurl = 'postgres://file/x'\npool_size = 3\n",
    );
    let sources = Sources::default().file(file.path());
    assert_eq!(read(&sources).unwrap().config.http.listen.port(), 1);
    let sources = sources.environment([
        ("EASEL_HTTP__LISTEN", "127.0.0.1:2"),
        ("EASEL_DATABASE__POOL_SIZE", "4"),
    ]);
    let config = read(&sources).unwrap().config;
    assert_eq!(
        (config.http.listen.port(), config.database.pool_size),
        (2, 4)
    );
    assert_eq!(config.database.url.expose_secret(), "postgres://file/x");
    let config = read(&sources.flag("http.listen", "127.0.0.1:3"))
        .unwrap()
        .config;
    assert_eq!(config.http.listen.port(), 3);
}

#[test]
fn a_variable_of_one_process_wins_over_the_shared_one_and_is_silent_elsewhere() {
    let sources = Sources::default().environment([
        URL,
        ("EASEL_HTTP__LISTEN", "127.0.0.1:1"),
        ("EASEL_GPU_NODE__HTTP__LISTEN", "127.0.0.1:2"),
        ("EASEL_BOT__HTTP__LISTEN", "127.0.0.1:3"),
    ]);
    let loaded = read(&sources).unwrap();
    assert_eq!(loaded.config.http.listen.port(), 2);
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn an_unknown_key_in_a_file_is_refused_with_its_name_file_and_the_nearest_one() {
    let file = file("[database]\nurl = 'postgres://x/y'\npool_sise = 3\n[htpp]\nlisten = 'x'\n");
    let message = read(&Sources::default().file(file.path()))
        .unwrap_err()
        .to_string();
    assert!(message.contains("`database.pool_sise` in"), "{message}");
    assert!(message.contains("did you mean `pool_size`?"), "{message}");
    assert!(message.contains("did you mean `http`?"), "{message}");
    assert!(
        message.contains(&file.path().display().to_string()),
        "{message}"
    );
}

#[test]
fn an_unknown_variable_is_a_warning_unless_another_process_uses_the_section() {
    let sources = Sources::default().environment([
        URL,
        ("EASEL_DATABASE__POOLSIZE", "9"),
        ("EASEL_DATABSE__URL", "x"),
        ("EASEL_PLAYGROUND__PORT", "1"),
        ("EASEL_DISCORD_API", "http://localhost"),
        ("EASEL_TEST_DATABASE_URL", "x"),
        ("EASEL_SMOKE_NAME", "x"),
        ("EASEL_CDN_PORT", "1"),
        ("PATH", "/bin"),
    ]);
    let warnings = read(&sources).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "`databse` in the environment (EASEL_DATABSE__URL), did you mean `database`?",
            "`database.poolsize` in the environment (EASEL_DATABASE__POOLSIZE), did you mean `pool_size`?",
        ]
    );
}

#[test]
fn a_missing_key_says_how_to_set_it() {
    let message = read(&Sources::default()).unwrap_err().to_string();
    assert!(
        message.contains("`database` is missing: set EASEL_DATABASE__…"),
        "{message}"
    );
    let sources = Sources::default().environment([("EASEL_DATABASE__POOL_SIZE", "4")]);
    let message = read(&sources).unwrap_err().to_string();
    assert!(
        message.contains("`database.url` is missing: set EASEL_DATABASE__URL"),
        "{message}"
    );
}

#[test]
fn a_bad_value_names_key_and_place() {
    let sources = Sources::default().environment([URL, ("EASEL_HTTP__LISTEN", "everywhere")]);
    let message = read(&sources).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "configuration key `http.listen` from the environment (EASEL_HTTP__LISTEN): "
        ),
        "{message}"
    );
    let sources = Sources::default().environment([URL, ("EASEL_DATABASE__POOL_SIZE", "-4")]);
    let message = read(&sources).unwrap_err().to_string();
    assert!(
        message.contains("expected a whole number of at least 0"),
        "{message}"
    );
    let sources = Sources::default()
        .environment([URL])
        .flag("log.format", "xml");
    let message = read(&sources).unwrap_err().to_string();
    assert!(
        message.contains("`log.format` from a command line flag") && message.contains("json"),
        "{message}"
    );
    let sources = Sources::default().environment([URL, ("EASEL_SHARDS", "1,70000")]);
    let message = read(&sources).unwrap_err().to_string();
    assert!(message.contains("`shards.1`"), "{message}");
}

#[test]
fn a_broken_file_is_named_with_the_place_of_the_error() {
    let file = file("[database\n");
    let message = read(&Sources::default().file(file.path()))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains(&file.path().display().to_string()) && message.contains("line 1"),
        "{message}"
    );
    let error = read(&Sources::default().file("/nowhere/easel.toml")).unwrap_err();
    assert!(matches!(error, ConfigError::ReadFile { .. }), "{error}");
}

#[test]
fn a_secret_can_come_from_a_file() {
    let secret = file("hush\n");
    let path = secret.path().display().to_string();
    let sources = Sources::default().environment([
        URL,
        ("EASEL_S3__ENDPOINT", "http://127.0.0.1:9000"),
        ("EASEL_S3__BUCKET", "easel"),
        ("EASEL_S3__ACCESS_KEY", "account"),
        ("EASEL_S3__SECRET_KEY_FILE", path.as_str()),
        ("DISCORD_TOKEN_FILE", path.as_str()),
    ]);
    let config = read(&sources).unwrap().config;
    assert_eq!(config.s3.unwrap().secret_key.expose_secret(), "hush");
    assert_eq!(config.discord_token.unwrap().expose_secret(), "hush");
    let both = sources.environment([("EASEL_S3__SECRET_KEY", "loud")]);
    let message = read(&both).unwrap_err().to_string();
    assert!(message.contains("both given"), "{message}");
}

#[test]
fn a_higher_layer_replaces_a_file_reference_of_a_lower_one() {
    let file = file("[database]\nurl_file = '/nowhere'\n");
    let sources = Sources::default().file(file.path()).environment([URL]);
    assert_eq!(
        read(&sources).unwrap().config.database.url.expose_secret(),
        URL.1
    );
}

#[test]
fn the_token_is_the_one_name_without_prefix_and_empty_variables_are_absent() {
    let sources =
        Sources::default().environment([URL, ("DISCORD_TOKEN", "t"), ("EASEL_LOG__FILTER", "")]);
    let config = read(&sources).unwrap().config;
    assert_eq!(config.discord_token.unwrap().expose_secret(), "t");
    assert_eq!(config.log.filter, "info");
}

#[test]
fn text_with_commas_is_a_list() {
    let sources = Sources::default().environment([URL, ("EASEL_SHARDS", "1, 2,3")]);
    assert_eq!(read(&sources).unwrap().config.shards, [1, 2, 3]);
}

#[test]
fn an_override_without_a_value_is_refused() {
    let args = ConfigArgs {
        config: None,
        set: vec!["http.listen".into()],
    };
    assert!(matches!(
        Sources::from_args(&args),
        Err(ConfigError::BadOverride(_))
    ));
}
