//! JSON patch (RFC 6902) and merge patch (RFC 7396).

use crate::server::error::ApiError;
use crate::server::verbs::decode;
use json_patch::{Patch, PatchOperation};
use seedpod_core::limits::{JSON_PATCH_COPY_BYTES_MAX, JSON_PATCH_OPERATIONS_MAX};
use serde_json::Value;

/// `old` after all operations of a JSON patch.
///
/// # Errors
/// When it is none, is too big, or does not fit.
pub(super) fn patched(old: &Value, patch: Value) -> Result<Value, ApiError> {
    let Value::Array(operations) = &patch else {
        let found = decode::go_word(&patch);
        return Err(ApiError::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp"
        )));
    };
    let operations = operations.len();
    if operations > JSON_PATCH_OPERATIONS_MAX {
        return Err(ApiError::too_large(format!(
            "Request entity too large: The allowed maximum operations in a JSON patch is \
             {JSON_PATCH_OPERATIONS_MAX}, got {operations}"
        )));
    }
    let patch: Patch = serde_json::from_value(patch).map_err(|_| ApiError::unprocessable())?;
    let mut new = old.clone();
    let mut copied = 0;
    for operation in patch.0 {
        if let PatchOperation::Copy(copy) = &operation {
            let size = new
                .pointer(copy.from.as_str())
                .map_or(0, |value| value.to_string().len());
            copied += size;
            if copied > JSON_PATCH_COPY_BYTES_MAX {
                return Err(ApiError::unprocessable());
            }
        }
        json_patch::patch_unsafe(&mut new, &[operation]).map_err(|_| ApiError::unprocessable())?;
    }
    Ok(new)
}

/// `old` with a merge patch over it.
pub(super) fn merged(old: &Value, patch: &Value) -> Value {
    let mut new = old.clone();
    json_patch::merge(&mut new, patch);
    new
}
