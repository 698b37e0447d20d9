//! Reviews, which are answered instead of kept.

use super::Strategy;
use crate::server::Server;
use crate::server::access::{self, Review};
use crate::server::error::ApiError;
use crate::server::request::User;
use serde_json::Value;

/// One kind of review.
pub(crate) struct Reviews(pub(crate) Review);

impl Strategy for Reviews {
    fn review(
        &self,
        server: &Server,
        user: &User,
        namespace: &str,
        object: &Value,
    ) -> Option<Result<Value, ApiError>> {
        let object = object.clone();
        Some(access::review(server, self.0, user, namespace, object))
    }
}
