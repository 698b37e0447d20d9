//! `/upload`: keeps the file of a form.

use super::Response;
use crate::form;
use crate::go;
use crate::http::{Exchange, reply};
use crate::json;
use crate::system::{change_mode, log, random};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};

const FOLDER: &str = "/uploads";
const MODE: u32 = 0o700;

pub(super) async fn answer(exchange: &mut Exchange) -> Response {
    log!("GET /upload");
    let kind = exchange.content_type().to_owned();
    let body = exchange.body().await;
    let file = body.and_then(|body| match form::file(&kind, &body, "file") {
        Some(file) => Ok(file.to_vec()),
        None => Err("http: no such file".to_owned()),
    });
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            log!("Unable to upload file: {error}");
            return failed("Unable to upload file.");
        }
    };
    let path = format!("{FOLDER}/upload{}", random() % 10_000_000_000);
    let told = |error: &io::Error, text: &str, log: &str| {
        log!("{log}: {}", go::errno(error));
        failed(text)
    };
    let written = match File::create_new(&path) {
        Ok(mut created) => created.write_all(&file),
        Err(error) => {
            let text = "Unable to open file for write";
            return told(&error, text, text);
        }
    };
    if let Err(error) = written {
        return told(&error, "Unable to write file.", "Unable to write file");
    }
    if let Err(error) = change_mode(&path, MODE) {
        return told(&error, "Unable to chmod file.", "Unable to chmod file");
    }
    log!("Wrote upload to {path}");
    let fields = BTreeMap::from([("output", json::string(&path))]);
    reply(201, json::object(&fields))
}

fn failed(text: &str) -> Response {
    let fields = BTreeMap::from([("error", json::string(text))]);
    reply(200, json::object(&fields))
}
