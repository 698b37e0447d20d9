//! Strategic merge patch (`apimachinery/pkg/util/strategicpatch`): a merge patch that knows how lists are merged, with
//! directives for what a merge cannot say.

use crate::server::error::ApiError;
use crate::server::schema::{PatchStrategy, Type};
use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

type Fields = Map<String, Value>;

/// Why a patch does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum StrategicError {
    #[error("invalid JSON document")]
    Document,
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    #[error("lists of lists are not supported")]
    ListOfLists,
    #[error("map: {} does not contain declared merge key: {key}", go(.map))]
    NoMergeKey { map: Value, key: String },
    #[error("unknown patch type: {} in map: {}", go(.directive), go(.map))]
    Directive { directive: Value, map: Value },
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirective,
    #[error("cannot merge lists without merge key for {0}")]
    Unkeyed(String),
    #[error("list element types are not identical")]
    Mixed,
    #[error("expected a []interface {{}}, but received a {0}")]
    NoList(&'static str),
    #[error("The order in patch list:\n{}\n doesn't match {order_name} list:\n{}\n", go(.patch), go(.order), order_name = "$setElementOrder")]
    Order { patch: Value, order: Value },
}

impl From<StrategicError> for ApiError {
    fn from(error: StrategicError) -> Self {
        match error {
            StrategicError::Document | StrategicError::RetainKeys => {
                Self::bad_request(error.to_string())
            }
            StrategicError::ListOfLists => Self::unprocessable(),
            other => Self::unknown(other.to_string()),
        }
    }
}

/// `old` with a strategic merge patch over it.
///
/// # Errors
/// When the patch is none, or does not fit.
pub(super) fn patched(old: &Value, patch: Value, ty: Option<Type>) -> Result<Value, ApiError> {
    let (Value::Object(old), Value::Object(patch)) = (old.clone(), patch) else {
        return Err(StrategicError::Document.into());
    };
    Ok(Value::Object(merge_map(old, patch, ty)?))
}

fn merge_map(
    mut old: Fields,
    mut patch: Fields,
    ty: Option<Type>,
) -> Result<Fields, StrategicError> {
    if let Some(directive) = patch.get(DIRECTIVE).cloned() {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Fields::new()),
            _ => Err(StrategicError::Directive {
                directive,
                map: Value::Object(patch),
            }),
        };
    }
    retain_keys(&mut old, &mut patch)?;
    merge_ordered_lists(&mut old, &mut patch, ty)?;
    for (name, value) in patch {
        let (name, is_deletion) = match name.strip_prefix(DELETE_FROM) {
            Some(name) => (name.to_owned(), true),
            None => (name, false),
        };
        if value.is_null() {
            old.remove(&name);
            continue;
        }
        let field = ty.and_then(|ty| ty.field(&name));
        let new = match (old.remove(&name), value) {
            (Some(Value::Object(old)), Value::Object(patch)) => {
                Some(Value::Object(match has(field, PatchStrategy::Replace) {
                    true => patch,
                    false => merge_map(old, patch, field)?,
                }))
            }
            (Some(Value::Array(old)), Value::Array(patch)) if is_deletion => {
                let left = old.into_iter().filter(|item| !patch.contains(item));
                Some(Value::Array(left.collect()))
            }
            (Some(Value::Array(old)), Value::Array(patch)) => {
                Some(Value::Array(merge_list(old, patch, field)?))
            }
            (old, _) if is_deletion => old,
            (_, value) => without_directives(without_nulls(value)),
        };
        if let Some(new) = new {
            old.insert(name, new);
        }
    }
    Ok(old)
}

fn has(ty: Option<Type>, strategy: PatchStrategy) -> bool {
    ty.is_some_and(|ty| ty.has_strategy(strategy))
}

/// `$retainKeys`: all other fields go.
fn retain_keys(old: &mut Fields, patch: &mut Fields) -> Result<(), StrategicError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = keys.as_array().ok_or(StrategicError::RetainKeys)?;
    let is_kept = |name: &str| keys.iter().any(|key| key == name);
    let is_directive =
        |name: &str| name.starts_with(DELETE_FROM) || name.starts_with(ELEMENT_ORDER);
    let mut written = patch.iter().filter(|(_, value)| !value.is_null());
    if written.any(|(name, _)| !is_directive(name) && !is_kept(name)) {
        return Err(StrategicError::RetainKeys);
    }
    old.retain(|name, _| is_kept(name));
    Ok(())
}

/// `$setElementOrder/x` and the list `x` that it goes with.
fn merge_ordered_lists(
    old: &mut Fields,
    patch: &mut Fields,
    ty: Option<Type>,
) -> Result<(), StrategicError> {
    let orders = patch.keys().filter(|name| name.starts_with(ELEMENT_ORDER));
    let orders: Vec<String> = orders.cloned().collect();
    for directive in orders {
        let order = list_of(patch.remove(&directive))?.unwrap_or_default();
        let name = &directive[ELEMENT_ORDER.len()..];
        let field = ty.and_then(|ty| ty.field(name));
        let key = field.and_then(Type::merge_key);
        let before = list_of(old.get(name).cloned())?;
        let patched = list_of(patch.remove(name))?;
        check_order(patched.as_deref().unwrap_or_default(), &order, key)?;
        let merged = match (before.clone(), patched) {
            (None, None) => continue,
            (Some(before), None) => before,
            (None, Some(patched)) => {
                let kept = patched.into_iter().filter_map(without_directives);
                kept.collect()
            }
            (Some(before), Some(patched)) => merge_list(before, patched, field)?,
        };
        let before = before.unwrap_or_default();
        let sorted = ordered(merged, &order, &before, key)?;
        old.insert(name.to_owned(), Value::Array(sorted));
    }
    Ok(())
}

fn list_of(value: Option<Value>) -> Result<Option<Vec<Value>>, StrategicError> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(Value::Object(_)) => Err(StrategicError::NoList("map[string]interface {}")),
        Some(Value::String(_)) => Err(StrategicError::NoList("string")),
        Some(Value::Number(_)) => Err(StrategicError::NoList("int64")),
        Some(Value::Bool(_)) => Err(StrategicError::NoList("bool")),
        Some(Value::Null) => Err(StrategicError::NoList("%!s(<nil>)")),
    }
}

/// Items of a patch must stand in the order that it asks for.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), StrategicError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let name = identity(item, key)?;
        let mut found = false;
        for one in rest.by_ref() {
            if identity(one, key)? == name {
                found = true;
                break;
            }
        }
        if !found {
            let (patch, order) = (patch.to_vec().into(), order.to_vec().into());
            return Err(StrategicError::Order { patch, order });
        }
    }
    Ok(())
}

/// What tells an item of a list from others.
fn identity<'i>(item: &'i Value, key: Option<&str>) -> Result<&'i Value, StrategicError> {
    let Some(key) = key else { return Ok(item) };
    item.get(key).ok_or_else(|| StrategicError::NoMergeKey {
        map: item.clone(),
        key: key.to_owned(),
    })
}

fn merge_list(
    old: Vec<Value>,
    patch: Vec<Value>,
    ty: Option<Type>,
) -> Result<Vec<Value>, StrategicError> {
    if !has(ty, PatchStrategy::Merge) {
        return Ok(patch);
    }
    let mut all = old.iter().chain(&patch);
    if all.clone().any(Value::is_array) {
        return Err(StrategicError::ListOfLists);
    }
    let Some(first) = all.next() else {
        return Ok(old);
    };
    let is_map = first.is_object();
    if all.any(|item| item.is_object() != is_map) {
        return Err(StrategicError::Mixed);
    }
    if !is_map {
        let before = old.clone();
        let mut merged: Vec<Value> = Vec::new();
        for item in old.into_iter().chain(patch.iter().cloned()) {
            if !merged.contains(&item) {
                merged.push(item);
            }
        }
        return ordered(merged, &patch, &before, None);
    }
    let name = || ty.map(Type::go_name).unwrap_or_default().to_owned();
    let key = ty
        .and_then(Type::merge_key)
        .ok_or_else(|| StrategicError::Unkeyed(name()))?;
    let item_type = ty.and_then(Type::item);
    let (before, patch) = apply_directives(old, patch, key)?;
    let mut merged = before.clone();
    for item in &patch {
        let wanted = identity(item, Some(key))?;
        match merged.iter_mut().find(|one| one.get(key) == Some(wanted)) {
            Some(Value::Object(found)) => {
                let Value::Object(item) = item.clone() else {
                    return Err(StrategicError::Mixed);
                };
                *found = merge_map(std::mem::take(found), item, item_type)?;
            }
            _ => merged.push(item.clone()),
        }
    }
    // An item that a directive has emptied has no key any more.
    merged.retain(|item| item.as_object().is_some_and(|fields| !fields.is_empty()));
    ordered(merged, &patch, &before, Some(key))
}

/// `$patch: delete` and `$patch: replace` among the items of a list; what is left of the list and of the patch.
fn apply_directives(
    mut old: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let (mut items, mut is_replaced) = (Vec::new(), false);
    for item in patch {
        let Some(directive) = item.get(DIRECTIVE) else {
            items.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let wanted = identity(&item, Some(key))?;
                old.retain(|one| one.get(key) != Some(wanted));
            }
            Some("replace") => is_replaced = true,
            Some("merge") => return Err(StrategicError::MergeDirective),
            _ => {
                let (directive, map) = (directive.clone(), item.clone());
                return Err(StrategicError::Directive { directive, map });
            }
        }
    }
    Ok(match is_replaced {
        true => (items, Vec::new()),
        false => (old, items),
    })
}

/// Items that `order` names in its order, the others in that of `before`; where both are in `before`, they stand as
/// there.
fn ordered(
    merged: Vec<Value>,
    order: &[Value],
    before: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, StrategicError> {
    let place = |list: &[Value], item: &Value| -> Result<Option<usize>, StrategicError> {
        let wanted = identity(item, key)?;
        Ok(list.iter().position(|one| match key {
            Some(key) => one.get(key) == Some(wanted),
            None => one == wanted,
        }))
    };
    let (mut patched, mut others) = (Vec::new(), Vec::new());
    for item in merged {
        let then = place(before, &item)?;
        match place(order, &item)? {
            Some(now) => patched.push((now, then, item)),
            None => others.push((then, item)),
        }
    }
    patched.sort_by_key(|(now, _, _)| *now);
    others.sort_by_key(|(then, _)| *then);
    let (mut patched, mut others) = (
        patched.into_iter().peekable(),
        others.into_iter().peekable(),
    );
    let mut all = Vec::new();
    loop {
        let takes_other = match (others.peek(), patched.peek()) {
            (Some((Some(other), _)), Some((_, Some(then), _))) => other < then,
            (Some(_), None) => true,
            (_, Some(_)) => false,
            (None, None) => return Ok(all),
        };
        match takes_other {
            true => all.extend(others.next().map(|(_, item)| item)),
            false => all.extend(patched.next().map(|(_, _, item)| item)),
        }
    }
}

/// Fields that are null do not come into an object.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(name, value)| (name, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        value => value,
    }
}

/// What is new has nothing that a directive could say something of.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => None,
        Value::Object(fields) => {
            let kept = fields.into_iter();
            let kept = kept.filter_map(|(name, value)| Some((name, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        value => Some(value),
    }
}

/// As Go prints it.
pub(in crate::server) fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(go).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", go(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}
