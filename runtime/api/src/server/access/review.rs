//! Reviews: objects that are questions, answered and never kept. `kubectl auth can-i` and `whoami` ask them.

use super::{Attributes, PUBLIC_PATHS, SELF_REVIEWS, is_allowed};
use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::request::User;
use crate::server::token::ISSUER;
use serde_json::{Value, json};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    /// Who has this token?
    Token,
    /// Who am I?
    Myself,
    /// May somebody do this?
    Access,
    /// May somebody do this in this namespace?
    LocalAccess,
    /// May I do this?
    MyAccess,
    /// What may I do?
    MyRules,
}

/// Answers a review: the object with its `status`.
///
/// # Errors
/// When the question makes no sense.
pub(crate) fn review(
    server: &Server,
    review: Review,
    user: &User,
    namespace: &str,
    mut object: Value,
) -> Result<Value, ApiError> {
    let status = match review {
        Review::Token => token(server, &object["spec"])?,
        Review::Myself => json!({"userInfo": user_info(user)}),
        Review::MyAccess => access(user, &attributes(&object["spec"])?),
        Review::Access => access(&subject(&object["spec"])?, &attributes(&object["spec"])?),
        Review::LocalAccess => {
            let asked = &object["spec"]["resourceAttributes"]["namespace"];
            if asked != namespace {
                let message =
                    format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
                return Err(ApiError::bad_request(message));
            }
            access(&subject(&object["spec"])?, &attributes(&object["spec"])?)
        }
        Review::MyRules => rules(user),
    };
    object["status"] = status;
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["creationTimestamp"] = match review {
        Review::Myself => server.now.wall.to_string().into(),
        _ => Value::Null,
    };
    Ok(object)
}

fn user_info(user: &User) -> Value {
    json!({"username": user.name, "groups": user.groups})
}

fn token(server: &Server, spec: &Value) -> Result<Value, ApiError> {
    let token = spec["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(ApiError::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let asked = spec["audiences"].as_array().into_iter().flatten();
    let asked: Vec<&str> = asked.filter_map(Value::as_str).collect();
    let asked = if asked.is_empty() {
        vec![ISSUER]
    } else {
        asked
    };
    let Some(identity) = server.identify(server.now, token) else {
        return Ok(json!({"user": {}, "error": "invalid bearer token"}));
    };
    let audiences = identity.audiences.iter();
    let audiences: Vec<_> = audiences
        .filter(|one| asked.contains(&one.as_str()))
        .collect();
    if audiences.is_empty() {
        return Ok(json!({"user": {}, "error": "invalid bearer token"}));
    }
    let mut user = user_info(&identity.user);
    user["uid"] = identity.uid.into();
    user["extra"] = identity.extra;
    Ok(json!({"authenticated": true, "user": user, "audiences": audiences}))
}

fn subject(spec: &Value) -> Result<User, ApiError> {
    let name = spec["user"].as_str().unwrap_or_default();
    let groups = spec["groups"].as_array().into_iter().flatten();
    let groups: Vec<String> = groups
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if name.is_empty() && groups.is_empty() {
        return Err(ApiError::bad_request(
            "at least one of user or group must be specified",
        ));
    }
    Ok(User {
        name: name.to_owned(),
        groups,
    })
}

fn attributes(spec: &Value) -> Result<Attributes, ApiError> {
    let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    match (resource.is_object(), path.is_object()) {
        (true, false) => Ok(Attributes::Resource {
            verb: text(resource, "verb"),
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
        }),
        (false, true) => Ok(Attributes::Path {
            verb: text(path, "verb"),
            path: text(path, "path"),
        }),
        _ => Err(ApiError::bad_request(
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
    }
}

fn access(user: &User, attributes: &Attributes) -> Value {
    match is_allowed(user, attributes) {
        true => json!({"allowed": true}),
        false => json!({"allowed": false}),
    }
}

fn rules(user: &User) -> Value {
    let everything = Attributes::Path {
        verb: "*".to_owned(),
        path: "*".to_owned(),
    };
    if is_allowed(user, &everything) {
        return json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        });
    }
    let resources = SELF_REVIEWS.iter().map(|(group, resource)| {
        json!({"verbs": ["create"], "apiGroups": [group], "resources": [resource]})
    });
    let resources: Vec<_> = resources.collect();
    let below = PUBLIC_PATHS.iter().map(|path| format!("{path}/*"));
    let paths: Vec<_> = PUBLIC_PATHS
        .iter()
        .map(|path| (*path).to_owned())
        .chain(below)
        .collect();
    json!({
        "resourceRules": resources,
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}],
        "incomplete": false,
    })
}
