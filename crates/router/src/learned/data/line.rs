//! One line of data.

use serde_json::{Map, Value};

use super::{Dataset, Record, narrowed, set};

/// Fields that are no model's outcome.
const OTHERS: [&str; 8] = ["prompt", "request", "messages", "outcomes", "cost", "group", "subject", "stream"];

/// Reads a line into the dataset, or says what is wrong with it.
pub(crate) fn read(line: &str, data: &mut Dataset) -> Result<(), String> {
    // To serde, each line is a file's first.
    let wrong =
        |error: serde_json::Error| format!("is not JSON: {error}").replace(" at line 1 column", " at column");
    let value: Value = serde_json::from_str(line).map_err(wrong)?;
    let Value::Object(fields) = value else { return Err("is not an object".to_owned()) };
    let outcomes = outcomes(&fields)?;
    let costs = costs(&fields)?;
    let group = fields.get("group").or_else(|| fields.get("subject")).and_then(Value::as_str);
    let mut record = Record { prompt: prompt(&fields)?, group: group.map(Into::into), ..Record::default() };
    for (model, outcome) in outcomes {
        let index = data.index_or_insert(model);
        if let Some(outcome) = outcome {
            set(&mut record.outcomes, index, narrowed(outcome));
        }
    }
    for (model, cost) in costs {
        let index = data.index_or_insert(model);
        set(&mut record.costs, index, cost);
    }
    data.records.push(record);
    Ok(())
}

fn prompt(fields: &Map<String, Value>) -> Result<String, String> {
    if let Some(prompt) = fields.get("prompt") {
        return prompt.as_str().map(ToOwned::to_owned).ok_or_else(|| "`prompt` is not a string".to_owned());
    }
    let request = fields.get("request").and_then(Value::as_object).unwrap_or(fields);
    let messages = request.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| "has neither `prompt` nor `messages`".to_owned())?;
    let of_user = |message: &&Value| message.get("role").is_none_or(|role| role == "user");
    Ok(messages.iter().rfind(of_user).map(text).unwrap_or_default().to_owned())
}

/// The text of a message: its content, or the first part of it that is text.
fn text(message: &Value) -> &str {
    match message.get("content") {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => {
            parts.iter().find_map(|part| part.get("text")?.as_str()).unwrap_or_default()
        }
        _ => "",
    }
}

type Outcomes<'a> = Vec<(&'a str, Option<f64>)>;

fn outcomes(fields: &Map<String, Value>) -> Result<Outcomes<'_>, String> {
    let outcomes: Outcomes<'_> = if let Some(outcomes) = fields.get("outcomes") {
        let outcomes = outcomes.as_object().ok_or_else(|| "`outcomes` is not an object".to_owned())?;
        outcomes
            .iter()
            .map(|(model, value)| Ok((&**model, outcome(model, value)?)))
            .collect::<Result<_, String>>()?
    } else {
        let other = |name: &str| !OTHERS.contains(&name);
        let flags = fields.iter().filter(|(name, value)| other(name) && value.is_boolean());
        flags.map(|(model, value)| Ok((&**model, outcome(model, value)?))).collect::<Result<_, String>>()?
    };
    if outcomes.iter().all(|(_, outcome)| outcome.is_none()) {
        return Err(
            "has no outcome: neither `outcomes` of models, nor a field that is true or false".to_owned()
        );
    }
    Ok(outcomes)
}

fn outcome(model: &str, value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(well) => Ok(Some(f64::from(u8::from(*well)))),
        _ => match value.as_f64() {
            Some(score) if (0.0..=1.0).contains(&score) => Ok(Some(score)),
            _ => Err(format!("the outcome of `{model}` is {value}: it must be true, false, or from 0 to 1")),
        },
    }
}

fn costs(fields: &Map<String, Value>) -> Result<Vec<(&str, f64)>, String> {
    let Some(costs) = fields.get("cost") else { return Ok(Vec::new()) };
    let costs = costs.as_object().ok_or_else(|| "`cost` is not an object".to_owned())?;
    let known = costs.iter().filter(|(_, value)| !value.is_null());
    known
        .map(|(model, value)| match value.as_f64() {
            Some(cost) if cost >= 0.0 => Ok((&**model, cost)),
            _ => Err(format!("the cost of `{model}` is {value}: it must be dollars, not negative")),
        })
        .collect()
}
