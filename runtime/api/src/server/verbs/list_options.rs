//! `ListOptions`: what a list or watch starts from. Rules and texts are those of
//! `apimachinery/pkg/apis/meta/internalversion/validation` and `apiserver/pkg/storage`.

use crate::server::error::{ApiError, FieldError};
use crate::server::request::Request;
use seedpod_core::store::Revision;

/// How a given `resourceVersion` is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The state of that moment.
    Exact,
    /// That moment or later.
    NotOlderThan,
}

/// What a list or watch starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListOptions {
    /// At most this many objects; 0 for all.
    pub(crate) limit: usize,
    /// Where the page before has ended.
    pub(crate) continue_token: Option<String>,
    /// As it was given; `None` when empty.
    pub(crate) resource_version: Option<String>,
    /// `resourceVersionMatch`
    pub(crate) matching: Option<Match>,
    /// Whether a watch begins with what is there.
    pub(crate) send_initial_events: Option<bool>,
    /// `allowWatchBookmarks`
    pub(crate) has_bookmarks: bool,
    /// `timeoutSeconds`; `None` for the server's own.
    pub(crate) timeout_seconds: Option<u64>,
}

impl ListOptions {
    /// Those of a list.
    ///
    /// # Errors
    /// When they cannot be read, or contradict each other.
    pub(crate) fn of_request(request: &Request) -> Result<Self, ApiError> {
        let (options, matching) = Self::read(request)?;
        let mut errors = Vec::new();
        let path = "resourceVersionMatch";
        if let Some(word) = &matching {
            if options.resource_version.is_none() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                errors.push(FieldError::forbidden(path, why));
            }
            if options.continue_token.is_some() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                errors.push(FieldError::forbidden(path, why));
            }
            if options.matching.is_none() {
                let known = ["Exact", "NotOlderThan", ""];
                let value = word.as_str().into();
                errors.push(FieldError::not_supported(path, &value, &known));
            }
            let is_any = options.resource_version.as_deref() == Some("0");
            if options.matching == Some(Match::Exact) && is_any {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(FieldError::forbidden(path, why));
            }
        }
        if options.send_initial_events.is_some() {
            let why = "sendInitialEvents is forbidden for list";
            errors.push(FieldError::forbidden("sendInitialEvents", why));
        }
        options.unless(&errors)
    }

    /// Those of a watch.
    ///
    /// # Errors
    /// When they cannot be read, or contradict each other.
    pub(crate) fn of_watch(request: &Request) -> Result<Self, ApiError> {
        let (mut options, matching) = Self::read(request)?;
        let mut errors = Vec::new();
        let path = "resourceVersionMatch";
        let is_newer = options.matching == Some(Match::NotOlderThan);
        if options.send_initial_events.is_some() && !is_newer {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(FieldError::forbidden(path, why));
        }
        if let Some(word) = &matching {
            if options.send_initial_events.is_none() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.push(FieldError::forbidden(path, why));
            }
            if !is_newer {
                let value = word.as_str().into();
                let known = ["NotOlderThan"];
                errors.push(FieldError::not_supported(path, &value, &known));
            }
            if options.continue_token.is_some() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                errors.push(FieldError::forbidden(path, why));
            }
        }
        let is_any = matches!(options.resource_version.as_deref(), None | Some("0"));
        if is_any && matching.is_none() && options.send_initial_events.is_none() {
            options.send_initial_events = Some(true);
        }
        options.unless(&errors)
    }

    /// The number that `resourceVersion` is; 0 for any.
    ///
    /// # Errors
    /// The field error, when it is none.
    pub(crate) fn revision(&self) -> Result<Revision, FieldError> {
        let text = self.resource_version.as_deref().unwrap_or("0");
        text.parse().map_err(|_| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let why = match is_number {
                true => "value out of range",
                false => "invalid syntax",
            };
            let why = format!("strconv.ParseUint: parsing {text:?}: {why}");
            FieldError::invalid("resourceVersion", &text.into(), &why)
        })
    }

    fn read(request: &Request) -> Result<(Self, Option<String>), ApiError> {
        let number = |name: &str| match request.parameter(name) {
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| {
                let message = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
                ApiError::bad_request(message)
            }),
            None => Ok(None),
        };
        let matching = request.parameter("resourceVersionMatch");
        let has_initial = !request.parameters("sendInitialEvents").is_empty();
        let options = Self {
            limit: usize::try_from(number("limit")?.unwrap_or(0)).unwrap_or(0),
            continue_token: request.parameter("continue"),
            resource_version: request.parameter("resourceVersion"),
            matching: match matching.as_deref() {
                Some("Exact") => Some(Match::Exact),
                Some("NotOlderThan") => Some(Match::NotOlderThan),
                _ => None,
            },
            send_initial_events: has_initial.then(|| request.flag("sendInitialEvents")),
            has_bookmarks: request.flag("allowWatchBookmarks"),
            timeout_seconds: number("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0),
        };
        Ok((options, matching))
    }

    fn unless(self, errors: &[FieldError]) -> Result<Self, ApiError> {
        match errors {
            [] => Ok(self),
            errors => Err(ApiError::invalid_kind(
                "meta.k8s.io",
                "ListOptions",
                "",
                errors,
            )),
        }
    }
}
