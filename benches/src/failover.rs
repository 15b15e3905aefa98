//! From the moment at which one backend sends its fault to the moment at which the next one has the request: through the whole stack,
//! and with two clients and a `match` by hand. No connection to the second backend is open yet.

use std::{
    fmt::Debug,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;
use mainstay::Mainstay;
use mainstay_openai_client::{ChatRequest, Client};
use tokio::{runtime::Builder, time::Instant};

use crate::{
    Measure, Took,
    rows::{BY_HAND, FAULT_429, FAULT_500, FAULT_CLOSED, FAULT_QUOTA, MAINSTAY},
};

const FAULTS: [(&str, &str); 4] = [
    (FAULT_429, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\n"),
    (FAULT_500, "HTTP/1.1 500 Internal Server Error\r\n"),
    (FAULT_QUOTA, "HTTP/1.1 429 Too Many Requests\r\n"),
    (FAULT_CLOSED, ""),
];
const RATE_LIMITED: &str =
    r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
const NO_MONEY: &str =
    r#"{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}"#;
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Here."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// When a fault had been sent, and when the next request was there.
type Moments = Arc<Mutex<(Option<Instant>, Option<Instant>)>>;

/// Measures the works of this program.
///
/// # Errors
///
/// A server cannot be started.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    for (work, head) in FAULTS {
        let moments = Moments::default();
        let body = if work == FAULT_QUOTA { NO_MONEY } else { RATE_LIMITED };
        let fault = (!head.is_empty()).then(|| whole(head, body));
        let faulty = serve(fault, Arc::clone(&moments), |(sent, _), now| *sent = Some(now))?;
        let answer = Some(whole("HTTP/1.1 200 OK\r\n", ANSWER));
        let well = serve(answer, Arc::clone(&moments), |(_, there), now| *there = Some(now))?;

        let toml = format!(
            "[backends.faulty]\nbase_url = \"http://{faulty}/v1\"\n[backends.well]\nbase_url = \"http://{well}/v1\"\n[routes.m]\ntiers = [{{ strategy = \"in_order\", models = [{{ on = \"faulty\" }}, {{ on = \"well\" }}] }}]\n[retry]\nbudget = {{ ratio = 1000 }}"
        );
        let config = toml.parse::<mainstay::Config>()?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        measure.number(work, MAINSTAY, || {
            median(|| runtime.block_on(through_the_stack(Mainstay::from_config(config.clone()), &moments)))
        })?;
        let client = |at: SocketAddr| Client::builder().base_url(format!("http://{at}/v1")).build();
        measure.number(work, BY_HAND, || {
            median(|| runtime.block_on(by_hand(client(faulty), client(well), &moments)))
        })?;
    }
    Ok(())
}

/// With a stack of its own, in which no backend is set aside yet.
async fn through_the_stack(stack: Result<Mainstay, mainstay::BuildError>, moments: &Moments) -> Took {
    let stack = stack.expect("the configuration is right");
    stack.chat(request()).await.expect("the second backend answers");
    took(moments)
}

async fn by_hand<E: Debug>(faulty: Result<Client, E>, well: Result<Client, E>, moments: &Moments) -> Took {
    let (faulty, well) = (faulty.expect("the address is right"), well.expect("the address is right"));
    if faulty.chat(request()).await.is_err() {
        well.chat(request()).await.expect("the second backend answers");
    }
    took(moments)
}

/// The middle one of several runs, in nanoseconds.
fn median(run: impl Fn() -> Took) -> f64 {
    let mut runs = [(); 7].map(|()| run());
    runs.sort_unstable();
    let [_, _, _, middle, ..] = runs;
    middle.as_nanos() as f64
}

fn request() -> ChatRequest {
    ChatRequest::new("m").user("Where?")
}

fn took(moments: &Moments) -> Took {
    let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    let (sent, there) = (moments.0.take(), moments.1.take());
    there.zip(sent).map_or(Duration::ZERO, |(there, sent)| there.saturating_duration_since(sent))
}

fn whole(head: &str, body: &str) -> String {
    format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Serves one answer to whatever comes, or closes the connection; notes when it was sent, or when the request was there.
fn serve(
    answer: Option<String>,
    moments: Moments,
    note: fn(&mut (Option<Instant>, Option<Instant>), Instant),
) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (answer, moments) = (answer.clone(), Arc::clone(&moments));
            thread::spawn(move || answer_all(&connection, answer.as_deref(), &moments, note));
        }
    });
    Ok(addr)
}

fn answer_all(
    connection: &TcpStream,
    answer: Option<&str>,
    moments: &Moments,
    note: fn(&mut (Option<Instant>, Option<Instant>), Instant),
) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(connection);
    loop {
        read_request(&mut reader)?;
        note(&mut moments.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let mut writer = connection;
        writer.write_all(answer?.as_bytes()).ok()?;
    }
}

/// Reads a request to the end of its body.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()
}
