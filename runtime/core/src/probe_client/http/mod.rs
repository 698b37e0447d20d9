//! `httpGet`: one request, and those it is redirected to.

mod exchange;
mod request;
mod response;

pub use exchange::Exchange;

use super::go::quote;
use super::url::Url;
use super::{DialError, Event, Purpose, ReadError, Step};
use crate::limits::{PROBE_BODY_BYTES, PROBE_REDIRECT_BODY_BYTES, PROBE_REDIRECTS};
use crate::pod::ProbeResult;
use request::Headers;
use response::{Response, ResponseError};

#[derive(Debug)]
pub(super) struct Http {
    purpose: Purpose,
    headers: Headers,
    /// What `Host` says instead of the address.
    host: Option<String>,
    url: Url,
    /// Where the first request went: redirects to other hosts are not followed.
    first_host: String,
    requests: usize,
    /// Why HTTPS failed, when this is HTTP in its place.
    fallback: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    Connect,
    Send,
    Receive(Response, Option<Next>),
    Done(ProbeResult),
}

/// What the head of an answer has decided.
#[derive(Debug)]
enum Next {
    /// The answer is the last.
    Verdict,
    /// There is another request, after the rest of this answer.
    Redirect(Box<Url>, bool),
}

impl Http {
    pub(super) fn new(purpose: Purpose, url: Url, headers: &[(String, String)]) -> Self {
        let headers = Headers::new(purpose, headers);
        let host = Some(headers.get("Host").to_owned()).filter(|host| !host.is_empty());
        let mut http = Self {
            purpose,
            host,
            first_host: url.host.clone(),
            url,
            requests: 1,
            fallback: None,
            state: State::Connect,
            headers,
        };
        if let Err(error) = http.headers.check() {
            http.fail(&error);
        }
        http
    }

    pub(super) fn poll_step(&mut self) -> Step {
        match &self.state {
            State::Connect => Step::Connect(self.url.target()),
            State::Send => {
                self.state = State::Receive(Response::default(), None);
                let host = self.host.clone().unwrap_or_else(|| self.url.authority());
                Step::Send(self.headers.request(&self.url, &host))
            }
            State::Receive(..) => Step::Receive,
            State::Done(verdict) => Step::Done(verdict.clone()),
        }
    }

    pub(super) fn handle(&mut self, event: Event<'_>) {
        match (event, &mut self.state) {
            (_, State::Done(_)) => {}
            (Event::Connected, State::Connect) => self.state = State::Send,
            (Event::DialFailed(error), State::Connect) => self.handle_dial_error(error),
            (Event::Received(bytes), State::Receive(response, _)) => {
                let result = response.handle(bytes);
                self.advance(result);
            }
            (Event::Ended, State::Receive(..)) => self.handle_end(),
            (Event::ReadFailed(error), State::Receive(..)) => self.handle_read_error(error),
            (Event::TimedOut, State::Receive(_, Some(Next::Verdict))) => self.fail_in_body(
                "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
            ),
            (Event::TimedOut, _) => self.fail(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            ),
            (
                Event::Connected
                | Event::DialFailed(_)
                | Event::Received(_)
                | Event::Ended
                | Event::ReadFailed(_)
                | Event::Waited,
                _,
            ) => {}
        }
    }

    fn handle_dial_error(&mut self, error: &DialError) {
        let retry = self.purpose == Purpose::Lifecycle && self.fallback.is_none();
        if *error == DialError::PlainHttp && retry {
            self.fallback = Some(self.get_error(&error.to_string()));
            self.url.scheme = "http".to_owned();
            self.headers.remove("Authorization");
        } else {
            self.fail(&error.to_string());
        }
    }

    fn handle_end(&mut self) {
        let State::Receive(response, _) = &self.state else {
            return;
        };
        if response.may_end() {
            self.finish();
        } else if response.head().is_some() {
            self.fail_in_body("unexpected EOF");
        } else if response.is_begun() {
            let error = match response.check_end_of_head() {
                Ok(()) => "unexpected EOF".to_owned(),
                Err(error) => error.to_string(),
            };
            self.fail(&format!("{BROKEN}{error}"));
        } else {
            self.fail("EOF");
        }
    }

    fn handle_read_error(&mut self, error: &ReadError) {
        let State::Receive(response, _) = &self.state else {
            return;
        };
        if response.head().is_some() {
            self.fail_in_body(&error.to_string());
        } else if response.is_begun() {
            self.fail(&format!("{BROKEN}{error}"));
        } else {
            self.fail(&error.to_string());
        }
    }

    /// After more of an answer has come.
    fn advance(&mut self, result: Result<(), ResponseError>) {
        let State::Receive(response, next) = &mut self.state else {
            return;
        };
        let Some(head) = response.head() else {
            match result {
                Err(ResponseError::HeadTooLarge) => {
                    self.fail(&format!("net/http: {}", ResponseError::HeadTooLarge));
                }
                Err(error) => self.fail(&format!("{BROKEN}{error}")),
                Ok(()) => {}
            }
            return;
        };
        if next.is_none() {
            let location = head.location.clone();
            let is_redirect = matches!(head.status, 301 | 302 | 303 | 307 | 308);
            if is_redirect && !location.is_empty() {
                match self.redirect(&location) {
                    Ok(decided) => self.decide(decided),
                    Err((url, error)) => {
                        let url = quote(url.as_bytes());
                        return self.end(ProbeResult::Failure(format!("Get {url}: {error}")));
                    }
                }
            } else {
                self.decide(Next::Verdict);
            }
        }
        let State::Receive(response, Some(next)) = &self.state else {
            return;
        };
        let limit = match next {
            Next::Verdict => PROBE_BODY_BYTES,
            Next::Redirect(..) => PROBE_REDIRECT_BODY_BYTES,
        };
        if response.is_complete(limit) {
            self.finish();
        } else if let Err(error) = result {
            self.fail_in_body(&error.to_string());
        }
    }

    fn decide(&mut self, decided: Next) {
        if let State::Receive(_, next) = &mut self.state {
            *next = Some(decided);
        }
    }

    /// Go's `http.Client` with the kubelet's `RedirectChecker`. An error comes with the URL it names.
    fn redirect(&self, location: &str) -> Result<Next, (String, String)> {
        let Ok((url, absolute)) = self.url.join(location) else {
            let location = quote(location.as_bytes());
            let error = format!("failed to parse Location header {location}");
            return Err((self.url.to_string(), error));
        };
        if url.host != self.first_host {
            return Ok(Next::Verdict);
        }
        if self.requests >= PROBE_REDIRECTS {
            let error = format!("stopped after {PROBE_REDIRECTS} redirects");
            return Err((location.to_owned(), error));
        }
        if !matches!(url.scheme.as_str(), "http" | "https") {
            let scheme = quote(url.scheme.as_bytes());
            let error = format!("unsupported protocol scheme {scheme}");
            return Err((url.to_string(), error));
        }
        Ok(Next::Redirect(Box::new(url), absolute))
    }

    /// The answer is complete, or as much of it as anyone wants to see.
    fn finish(&mut self) {
        let State::Receive(response, next) = &mut self.state else {
            return;
        };
        if let Some(Next::Redirect(url, absolute)) = next.take() {
            return self.follow(*url, absolute);
        }
        let status = response.head().map_or(0, |head| head.status);
        let verdict = match (self.purpose, status) {
            (Purpose::Lifecycle, _) => match &self.fallback {
                Some(_) => ProbeResult::Warning(format!(
                    "request to HTTPS lifecycle hook {} got HTTP response, retry with HTTP succeeded",
                    self.url.authority()
                )),
                None => ProbeResult::Success,
            },
            (Purpose::Probe, 200..=299) => ProbeResult::Success,
            (Purpose::Probe, 300..=399) => {
                let body = String::from_utf8_lossy(response.body());
                ProbeResult::Warning(format!("Probe terminated redirects, Response body: {body}"))
            }
            (Purpose::Probe, _) => {
                ProbeResult::Failure(format!("HTTP probe failed with statuscode: {status}"))
            }
        };
        self.end(verdict);
    }

    fn follow(&mut self, url: Url, absolute: bool) {
        if !(self.url.scheme == "https" && url.scheme == "http") {
            self.headers.set("Referer", self.url.to_string());
        }
        if absolute {
            self.host = None;
        }
        self.url = url;
        self.requests += 1;
        self.state = State::Connect;
    }

    /// An answer that breaks off: nobody looks at the body of a redirect or of a hook, and a probe has no verdict.
    fn fail_in_body(&mut self, error: &str) {
        let is_redirect = matches!(&self.state, State::Receive(_, Some(Next::Redirect(..))));
        if is_redirect || self.purpose == Purpose::Lifecycle {
            self.finish();
        } else {
            self.end(ProbeResult::Interrupted(error.to_owned()));
        }
    }

    fn fail(&mut self, error: &str) {
        let text = match self.fallback.take() {
            Some(first) => first,
            None => self.get_error(error),
        };
        self.end(ProbeResult::Failure(text));
    }

    fn get_error(&self, error: &str) -> String {
        format!("Get {}: {error}", quote(self.url.to_string().as_bytes()))
    }

    fn end(&mut self, verdict: ProbeResult) {
        self.state = State::Done(verdict);
    }
}

/// What Go writes before an error in the head of an answer.
const BROKEN: &str = "net/http: HTTP/1.x transport connection broken: ";
