//! The skeleton as a process: exit codes, signals, health. The binary starts itself as the child of each case.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Parser;
use easel_service::config::{ConfigArgs, HttpConfig, LogConfig, ShutdownConfig};
use easel_service::{BadInput, Context, ProcessConfig, serve};
use serde::Deserialize;

const CHILD: &str = "SKELETON_CHILD";
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    http: HttpConfig,
    #[serde(default)]
    log: LogConfig,
    #[serde(default)]
    shutdown: ShutdownConfig,
    #[serde(default)]
    bound: Option<u32>,
}

impl ProcessConfig for Settings {
    fn http(&self) -> &HttpConfig {
        &self.http
    }
    fn log(&self) -> &LogConfig {
        &self.log
    }
    fn shutdown(&self) -> ShutdownConfig {
        self.shutdown
    }
    fn check(&self) -> Result<(), String> {
        match self.bound {
            Some(bound) if bound > 10 => Err("`bound` (EASEL_BOUND) is above 10: lower it".into()),
            _ => Ok(()),
        }
    }
}

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

fn child(part: String) -> ExitCode {
    let args = Args::parse();
    serve::<Settings, _, _>("skeleton", &args.config, |ctx, config| {
        play(part, ctx, config)
    })
}

async fn play(part: String, ctx: Context, config: Settings) -> anyhow::Result<()> {
    let switch = ctx.readiness.switch("store");
    ctx.serve_health(
        &config.http,
        axum::Router::new().route("/extra", axum::routing::get(|| async { "more" })),
    )
    .await?;
    match part.as_str() {
        "serves" => switch.ready(),
        "panics" => ctx
            .tasks
            .spawn("painter", async { panic!("no colour left") }),
        "stubborn" => ctx.tasks.spawn("stubborn", std::future::pending()),
        "fails" => anyhow::bail!("no paper"),
        "refuses" => return Err(anyhow::Error::new(BadInput("no such picture".into()))),
        _ => {}
    }
    ctx.shutdown.soft().cancelled().await;
    Ok(())
}

/// A running child whose log lines can be waited for.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(part: &str, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command =
            Command::new(std::env::current_exe().expect("the test binary has a path"));
        command
            .args(args)
            .env(CHILD, part)
            .stderr(Stdio::piped())
            .stdout(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EASEL_")) {
            command.env_remove(name);
        }
        let mut child = command
            .envs(environment.iter().copied())
            .spawn()
            .expect("the child starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(stderr)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("`{text}` was not logged; seen: {:#?}", self.seen)
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    fn finish(mut self) -> (i32, String) {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                // The child is ours and has had its time.
                let _ = self.child.kill();
                panic!("the child did not end; seen: {:#?}", self.seen);
            }
            std::thread::yield_now();
        };
        self.seen.extend(self.lines.iter());
        (status.code().unwrap_or(-1), self.seen.join("\n"))
    }
}

fn address_in(line: &str) -> String {
    let rest = line.rsplit("listens on ").next().unwrap_or_default();
    rest.split_whitespace().next().unwrap_or_default().into()
}

fn get(address: &str, path: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).expect("the health server is there");
    stream
        .set_read_timeout(Some(LIMIT))
        .expect("a limit can be set");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .expect("a request can be sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

fn serves_health_and_drains_at_the_first_signal() {
    let mut running = Running::start("serves", &[], &[("EASEL_NONSENSE", "1")]);
    running.wait_for("unknown environment variable ignored: `nonsense`");
    let line = running.wait_for("health server listens on");
    let address = address_in(&line);
    assert!(get(&address, "/health/live").starts_with("HTTP/1.1 200"));
    let ready = get(&address, "/health/ready");
    assert!(
        ready.starts_with("HTTP/1.1 200") && ready.contains(r#""store":{"ready":true}"#),
        "{ready}"
    );
    assert!(get(&address, "/metrics").contains("easel_ready{check=\"store\"} 1"));
    assert!(get(&address, "/extra").ends_with("more"));
    running.terminate();
    let (code, log) = running.finish();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("draining"), "{log}");
}

fn is_not_ready_before_its_checks_hold() {
    let mut running = Running::start("starting", &[], &[]);
    let line = running.wait_for("health server listens on");
    let address = address_in(&line);
    let ready = get(&address, "/health/ready");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("starting"),
        "{ready}"
    );
    running.terminate();
    assert_eq!(running.finish().0, 0);
}

fn a_panicking_task_ends_the_process_with_1() {
    let (code, log) = Running::start("panics", &[], &[]).finish();
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains("easel-skeleton: error: task `painter` panicked: no colour left"),
        "{log}"
    );
}

fn a_second_signal_stops_at_once_and_names_what_was_left() {
    let environment = [
        ("EASEL_SHUTDOWN__GRACE", "1h"),
        ("EASEL_SHUTDOWN__HARD_LIMIT", "100ms"),
    ];
    let mut running = Running::start("stubborn", &[], &environment);
    running.wait_for("health server listens on");
    running.terminate();
    running.wait_for("signal received; draining");
    running.terminate();
    let (code, log) = running.finish();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("did not stop in time: stubborn"), "{log}");
}

fn the_end_of_the_grace_stops_too() {
    let environment = [
        ("EASEL_SHUTDOWN__GRACE", "50ms"),
        ("EASEL_SHUTDOWN__HARD_LIMIT", "50ms"),
    ];
    let mut running = Running::start("stubborn", &[], &environment);
    running.wait_for("health server listens on");
    running.terminate();
    assert_eq!(running.finish().0, 1);
}

fn a_failing_body_prints_its_reason_once() {
    let (code, log) = Running::start("fails", &[], &[]).finish();
    assert_eq!((code, log.matches("no paper").count()), (1, 1), "{log}");
    let (code, log) = Running::start("refuses", &[], &[]).finish();
    assert_eq!(
        (code, log.matches("no such picture").count()),
        (2, 1),
        "{log}"
    );
}

fn bad_configuration_ends_with_2_and_says_where() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::io::Write::write_all(&mut file, b"[http]\nlistne = '127.0.0.1:1'\n")
        .expect("it can be written");
    let path = file.path().display().to_string();
    let (code, log) = Running::start("serves", &["--config", &path], &[]).finish();
    assert_eq!(code, 2, "{log}");
    assert!(
        log.contains("`http.listne`") && log.contains(&path) && log.contains("`listen`"),
        "{log}"
    );
    let (code, log) = Running::start("serves", &["--set", "bound=11"], &[]).finish();
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("EASEL_BOUND"), "{log}");
    let (code, log) = Running::start("serves", &[], &[("EASEL_LOG__FILTER", "=[")]).finish();
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("log.filter"), "{log}");
}

fn a_taken_address_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port can be taken");
    let address = taken.local_addr().expect("it has an address").to_string();
    let (code, log) = Running::start("serves", &[], &[("EASEL_HTTP__LISTEN", &address)]).finish();
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains(&address) && log.contains("EASEL_HTTP__LISTEN"),
        "{log}"
    );
}

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    (
        "serves_health_and_drains_at_the_first_signal",
        serves_health_and_drains_at_the_first_signal,
    ),
    (
        "is_not_ready_before_its_checks_hold",
        is_not_ready_before_its_checks_hold,
    ),
    (
        "a_panicking_task_ends_the_process_with_1",
        a_panicking_task_ends_the_process_with_1,
    ),
    (
        "a_second_signal_stops_at_once_and_names_what_was_left",
        a_second_signal_stops_at_once_and_names_what_was_left,
    ),
    (
        "the_end_of_the_grace_stops_too",
        the_end_of_the_grace_stops_too,
    ),
    (
        "a_failing_body_prints_its_reason_once",
        a_failing_body_prints_its_reason_once,
    ),
    (
        "bad_configuration_ends_with_2_and_says_where",
        bad_configuration_ends_with_2_and_says_where,
    ),
    ("a_taken_address_is_named", a_taken_address_is_named),
];

#[expect(clippy::print_stdout, reason = "a test runner reports on stdout")]
fn main() -> ExitCode {
    if let Ok(part) = std::env::var(CHILD) {
        return child(part);
    }
    // The words after the binary's name choose cases, as with the usual runner.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let chosen =
        |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut failed = 0;
    let mut passed = 0;
    for (name, case) in CASES.iter().filter(|(name, _)| chosen(name)) {
        let outcome = std::panic::catch_unwind(case);
        println!(
            "test {name} ... {}",
            if outcome.is_ok() { "ok" } else { "FAILED" }
        );
        match outcome {
            Ok(()) => passed += 1,
            Err(_) => failed += 1,
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    ExitCode::from(u8::from(failed > 0))
}
