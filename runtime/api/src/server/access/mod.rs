//! Who may do what. RBAC objects are not served; what holds is what a new cluster has bound: members of
//! `system:masters` may do everything, whoever is authenticated may look at discovery and ask what it may do, and a
//! ServiceAccount without a binding, which is each of them here, may do nothing else.

mod review;

pub(crate) use review::{Review, review};

use super::error::ApiError;
use super::request::{Request, Target, User};
use super::token::account_user;
use http::Method;
use std::borrow::Cow;

/// What is to be done, as authorizers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// With objects.
    Resource {
        verb: String,
        group: String,
        resource: String,
        subresource: String,
        namespace: String,
        name: String,
    },
    /// With a path.
    Path { verb: String, path: String },
}

/// Paths that everybody may read: the roles `system:discovery` and `system:public-info-viewer`.
const PUBLIC_PATHS: &[&str] = &[
    "/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version",
];

/// What everybody may create: the role `system:basic-user`.
const SELF_REVIEWS: &[(&str, &str)] = &[
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

impl Attributes {
    fn of(request: &Request, target: &Target<'_>) -> Self {
        let target = match target {
            Target::Resource(target) => target,
            Target::Other(path) => {
                return Self::Path {
                    verb: request.method.as_str().to_lowercase(),
                    path: (*path).to_owned(),
                };
            }
        };
        let verb = match (&request.method, &target.name) {
            (&Method::GET, None) if request.flag("watch") => "watch",
            (&Method::GET, None) => "list",
            (&Method::GET, Some(_)) => "get",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, Some(_)) => "delete",
            (&Method::DELETE, None) => "deletecollection",
            _ => "",
        };
        Self::Resource {
            verb: verb.to_owned(),
            group: target.resource.group.to_owned(),
            resource: target.resource.plural.to_owned(),
            subresource: target.subresource.clone(),
            namespace: target.namespace.clone().unwrap_or_default(),
            name: target.name.clone().unwrap_or_default(),
        }
    }

    /// Why a user may not: upstream's `forbiddenMessage`.
    fn denial(&self, user: &User) -> String {
        let name = &user.name;
        match self {
            Self::Path { verb, path } => format!("User {name:?} cannot {verb} path {path:?}"),
            Self::Resource {
                verb,
                group,
                resource,
                subresource,
                namespace,
                ..
            } => {
                let resource = match subresource.as_str() {
                    "" => resource.clone(),
                    subresource => format!("{resource}/{subresource}"),
                };
                let scope = match namespace.as_str() {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                format!(
                    "User {name:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}"
                )
            }
        }
    }
}

/// Whether a user may.
pub(crate) fn is_allowed(user: &User, attributes: &Attributes) -> bool {
    let is_in = |group: &str| user.groups.iter().any(|one| one == group);
    if is_in("system:masters") {
        return true;
    }
    is_in("system:authenticated")
        && match attributes {
            Attributes::Path { verb, path } => {
                let is_below = |public: &&str| {
                    let rest = path.strip_prefix(*public);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                verb == "get" && PUBLIC_PATHS.iter().any(is_below)
            }
            Attributes::Resource {
                verb,
                group,
                resource,
                ..
            } => verb == "create" && SELF_REVIEWS.contains(&(group, resource)),
        }
}

/// The request as that of the user whom it asks to be taken for: `kubectl --as`.
///
/// # Errors
/// When its own user may not be taken for others.
pub(crate) fn impersonated(request: &Request) -> Result<Cow<'_, Request>, ApiError> {
    let values = |name: &str| -> Vec<String> {
        let values = request.headers.get_all(name).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        values.map(str::to_owned).collect()
    };
    let groups = values("impersonate-group");
    let Some(name) = values("impersonate-user").into_iter().next() else {
        return match groups.is_empty() {
            true => Ok(Cow::Borrowed(request)),
            false => Err(ApiError::bad_request(format!(
                "requested {groups:?} without impersonating a user"
            ))),
        };
    };
    let account = name.strip_prefix("system:serviceaccount:");
    let account = account.and_then(|account| account.split_once(':'));
    let resource = match account {
        Some(_) => "serviceaccounts",
        None => "users",
    };
    let impersonate = Attributes::Resource {
        verb: "impersonate".to_owned(),
        group: String::new(),
        resource: resource.to_owned(),
        subresource: String::new(),
        namespace: account
            .map(|(namespace, _)| namespace.to_owned())
            .unwrap_or_default(),
        name: name.clone(),
    };
    if !is_allowed(&request.user, &impersonate) {
        let why = impersonate.denial(&request.user);
        return Err(ApiError::forbidden_user(resource, &name, &why));
    }
    let user = match account {
        Some((namespace, name)) if groups.is_empty() => account_user(namespace, name),
        _ => {
            let everybody = "system:authenticated".to_owned();
            let is_listed = groups.contains(&everybody) || name == "system:anonymous";
            let more = (!is_listed).then_some(everybody);
            let groups = groups.into_iter().chain(more).collect();
            User { name, groups }
        }
    };
    let mut request = request.clone();
    request.user = user;
    Ok(Cow::Owned(request))
}

/// Lets a request pass, or not.
///
/// # Errors
/// When its user may not do what it asks.
pub(crate) fn check(request: &Request, target: &Target<'_>) -> Result<(), ApiError> {
    let attributes = Attributes::of(request, target);
    if is_allowed(&request.user, &attributes) {
        return Ok(());
    }
    let why = attributes.denial(&request.user);
    Err(match target {
        Target::Resource(target) => {
            let name = target.name.as_deref().unwrap_or_default();
            ApiError::forbidden(target.resource, name, &why)
        }
        Target::Other(_) => ApiError::forbidden_path(&why),
    })
}
