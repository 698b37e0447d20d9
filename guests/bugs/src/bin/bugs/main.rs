//! Usage: bugs BUG ROLE [fixed]. Small systems whose containers are right alone, and wrong together at a bad moment.
//!
//! One module is one system, and each container of its pod plays one role. With `fixed` the containers run the corrected
//! code. A container that sees what must not happen says so and ends with code 1.

mod clock_step;
mod cloud_sql_proxy;
mod config_in_place;
mod effect_and_ack;
mod four_windows;
mod git_sync;
mod kafka_start_script;
mod lock_file;
mod lock_order;
mod lost_update;
mod lost_wakeup;
mod partial_write;
mod port_race;
mod readiness;
mod relays;
mod rename_before_sync;
mod retry_storm;
mod rollback;
mod shared;
mod sigterm;
mod stale_leader;
mod startup_race;
mod three_locks;
mod visibility_timeout;

use shared::{Code, Outcome, fail};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (bug, role, code) = match words.as_slice() {
        [bug, role] => (*bug, *role, Code::Broken),
        [bug, role, "fixed"] => (*bug, *role, Code::Fixed),
        _ => {
            eprintln!("usage: bugs BUG ROLE [fixed]");
            return ExitCode::FAILURE;
        }
    };
    match run(bug, role, code) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{role}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bug: &str, role: &str, code: Code) -> Outcome {
    match bug {
        "clock-step" => clock_step::run(role, code),
        "cloud-sql-proxy" => cloud_sql_proxy::run(role, code),
        "config-in-place" => config_in_place::run(role, code),
        "effect-and-ack" => effect_and_ack::run(role, code),
        "four-windows" => four_windows::run(role, code),
        "git-sync" => git_sync::run(role, code),
        "kafka-start-script" => kafka_start_script::run(role, code),
        "lock-file" => lock_file::run(role, code),
        "lock-order" => lock_order::run(role, code),
        "lost-update" => lost_update::run(role, code),
        "lost-wakeup" => lost_wakeup::run(role, code),
        "partial-write" => partial_write::run(role, code),
        "port-race" => port_race::run(role, code),
        "readiness" => readiness::run(role, code),
        "relays" => relays::run(role, code),
        "rename-before-sync" => rename_before_sync::run(role, code),
        "retry-storm" => retry_storm::run(role, code),
        "rollback" => rollback::run(role, code),
        "sigterm" => sigterm::run(role, code),
        "stale-leader" => stale_leader::run(role, code),
        "startup-race" => startup_race::run(role, code),
        "three-locks" => three_locks::run(role, code),
        "visibility-timeout" => visibility_timeout::run(role, code),
        _ => fail(format!("there is no bug {bug}")),
    }
}
