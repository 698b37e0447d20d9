//! `liveness`: healthy for 10 seconds, and never again; other paths fail in ways that a request chooses.

use crate::command::Command;
use crate::flags::Parsed;
use crate::form;
use crate::go;
use crate::http::{
    self, Answer, Body, Disconnect, Exchange, Sender, error, listen_and_serve, redirect, reply,
    typed,
};
use crate::system::{self, random};
use std::fmt::Write as _;
use std::time::Duration;
use web::rt;

pub(crate) const COMMAND: Command = Command {
    name: "liveness",
    short: "Starts a server that is alive for 10 seconds",
    long: "A simple server that is alive for 10 seconds, then reports unhealthy for the rest of its (hopefully) short existence. Failures can be emulated by passing parameters to specific URLs.",
    flags: &[],
    operands: false,
    run,
};

const PORT: u16 = 8080;
const HEALTHY: Duration = Duration::from_secs(10);
const KIB: usize = 1024;

fn run(_: &Parsed) -> u8 {
    system::run(|_| listen_and_serve(PORT, |exchange| Box::pin(answer(exchange))))
}

async fn answer(exchange: Exchange) -> Answer {
    let up = system::uptime();
    Ok(match exchange.path() {
        "/started" => reply(200, go::duration(up)),
        "/healthz" if up > HEALTHY => reply(500, format!("error: {}", up.as_secs_f64())),
        "/healthz" => reply(200, "ok"),
        "/redirect" => {
            let query = exchange.query();
            match form::unescape(query.get("loc")) {
                Some(location) => redirect(&exchange, &location, 302),
                None => {
                    let location = go::quoted(query.get("loc"));
                    error(400, &format!("invalid redirect: {location}"))
                }
            }
        }
        "/disconnect-headers" => return Err(Disconnect),
        "/sleep-headers" | "/sleep-body" | "/disconnect-body" | "/slow-response" => {
            return emulate(&exchange).await;
        }
        _ => http::not_found(),
    })
}

/// What a request asks for.
struct Wish {
    status: u16,
    sleep: Duration,
    size_kib: u64,
    interval: Duration,
}

impl Wish {
    fn read(exchange: &Exchange) -> Result<Self, String> {
        let query = exchange.query();
        let number = |name: &str, default: i64| match query.get(name) {
            "" => Ok(default),
            text => text.parse::<i64>().map_err(|_| {
                let text = go::quoted(text);
                format!(
                    "parameter '{name}' is invalid: strconv.Atoi: parsing {text}: invalid syntax"
                )
            }),
        };
        let seconds = |number: i64| Duration::from_secs(u64::try_from(number).unwrap_or(0));
        Ok(Wish {
            status: u16::try_from(number("code", 500)?).unwrap_or(0),
            sleep: seconds(number("time", 0)?),
            size_kib: u64::try_from(number("size", 0)?).unwrap_or(0),
            interval: seconds(number("interval", 0)?),
        })
    }
}

async fn emulate(exchange: &Exchange) -> Answer {
    let wish = match Wish::read(exchange) {
        Ok(wish) => wish,
        Err(text) => return Ok(error(400, &text)),
    };
    let path = exchange.path().to_owned();
    if path == "/sleep-headers" {
        rt::sleep(wish.sleep).await;
    }
    let status = wish.status;
    let (sender, body) = Body::channel();
    // A peer that is gone ends the body, and nobody has to know.
    rt::spawn(async move {
        let _ = write(&path, &wish, sender).await;
    });
    Ok(typed(status, Some(http::TEXT), body))
}

async fn write(path: &str, wish: &Wish, sender: Sender) -> Result<(), Disconnect> {
    let seconds = wish.sleep.as_secs();
    let interval = match path {
        "/sleep-body" | "/slow-response" => wish.interval,
        _ => Duration::ZERO,
    };
    if path == "/sleep-headers" {
        sender.send(format!("Slept for {seconds} secs\n")).await?;
    }
    for _ in 0..wish.size_kib {
        rt::sleep(interval).await;
        sender.send(noise()).await?;
    }
    match path {
        "/sleep-body" => {
            let text = format!("Sleeping for {seconds} secs\n");
            sender.send(text).await?;
            rt::sleep(wish.sleep).await;
            sender.send(format!("Slept for {seconds} secs\n")).await
        }
        "/disconnect-body" => {
            sender.send("Disconnecting\n").await?;
            sender.disconnect();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A KiB of random digits.
fn noise() -> String {
    let mut text = String::with_capacity(KIB);
    while text.len() < KIB {
        let _infallible = write!(text, "{:16x}", random());
    }
    text
}
