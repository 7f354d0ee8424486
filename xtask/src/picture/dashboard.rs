//! The dashboard's definition in the template: its widgets, and what each shows.

use anyhow::{Context, Result, bail};
use serde_json::Value;

const BODY: &str = "DashboardBody: !Sub |";
/// Stands for the Region that the stack is in.
const REGION: (&str, &str) = ("${AWS::Region}", "us-west-2");

/// A widget in its place on CloudWatch's grid of 24 columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Widget {
    /// Columns from the left.
    pub(super) x: u32,
    /// Rows from the top.
    pub(super) y: u32,
    /// Columns.
    pub(super) width: u32,
    /// Rows.
    pub(super) height: u32,
    /// Its headline.
    pub(super) title: String,
    /// What is below the headline.
    pub(super) content: Content,
}

/// What a widget shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Curves, of which each is above the one before it where they are stacked.
    Metrics {
        /// Whether they are stacked.
        is_stacked: bool,
        /// In the order of the definition.
        metrics: Vec<Metric>,
    },
    /// The result of a query of CloudWatch Logs Insights.
    Table {
        /// Its columns.
        columns: Vec<String>,
    },
}

/// One line of a widget's metrics.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    /// For instance `ReplicasChecked`.
    pub(super) name: String,
    /// For instance `p99`.
    pub(super) stat: String,
    /// A metric has one curve; a search has one for each value of these dimensions.
    pub(super) searched: Vec<String>,
    /// The value of the last dimension of a metric.
    pub(super) of: String,
    /// Whether its axis is the right one.
    pub(super) is_right: bool,
}

/// The widgets of the template's dashboard.
///
/// # Errors
/// When there is no dashboard, or something in it that the picture could not show.
pub(super) fn widgets(template: &str) -> Result<Vec<Widget>> {
    let body: Value = serde_json::from_str(&body(template)?).context("its body is no JSON")?;
    let widgets = body.get("widgets").and_then(Value::as_array);
    let widgets = widgets.context("it has no widgets")?;
    widgets.iter().map(widget).collect()
}

/// The block below `DashboardBody`, with names in place of what CloudFormation would insert.
fn body(template: &str) -> Result<String> {
    let (before, after) = template.split_once(BODY).context("there is no dashboard")?;
    let indentation = before.lines().last().map_or(0, str::len);
    let lines = after.lines().skip(1).take_while(|line| {
        line.is_empty() || line.chars().take_while(|c| *c == ' ').count() > indentation
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut parts = text.replace(REGION.0, REGION.1);
    // `${CheckQueue.QueueName}` is shown as `CheckQueue`.
    while let Some((before, after)) = parts.split_once("${") {
        let (reference, rest) = after.split_once('}').context("a reference has no end")?;
        let name = reference.split('.').next().unwrap_or_default();
        parts = format!("{before}{name}{rest}");
    }
    Ok(parts)
}

fn widget(value: &Value) -> Result<Widget> {
    let number = |name: &str| {
        let found = value.get(name).and_then(Value::as_u64);
        found
            .and_then(|number| u32::try_from(number).ok())
            .with_context(|| format!("a widget has no `{name}`: {value}"))
    };
    let properties = value.get("properties").unwrap_or(&Value::Null);
    let content = match text(value, "type").as_str() {
        "metric" => metrics(properties)?,
        "log" => table(properties)?,
        other => bail!("the picture knows no widgets of type `{other}`"),
    };
    Ok(Widget {
        x: number("x")?,
        y: number("y")?,
        width: number("width")?,
        height: number("height")?,
        title: text(properties, "title"),
        content,
    })
}

fn metrics(properties: &Value) -> Result<Content> {
    let lines = properties.get("metrics").and_then(Value::as_array);
    let lines = lines.context("a widget has no metrics")?;
    Ok(Content::Metrics {
        is_stacked: properties.get("stacked") == Some(&Value::Bool(true)),
        metrics: lines.iter().map(metric).collect::<Result<_>>()?,
    })
}

fn metric(line: &Value) -> Result<Metric> {
    let parts = line.as_array().context("a metric is no list")?;
    let options = parts.last().filter(|part| part.is_object());
    let options = options.unwrap_or(&Value::Null);
    let words: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
    let is_right = text(options, "yAxis") == "right";
    if let [_namespace, name, .., of] = words.as_slice() {
        return Ok(Metric {
            name: (*name).to_owned(),
            stat: text(options, "stat"),
            searched: Vec::new(),
            of: (*of).to_owned(),
            is_right,
        });
    }
    // SEARCH('{EncryptedReplication,Bucket} MetricName="NonCompliant"', 'Sum', 300)
    let expression = text(options, "expression");
    let search = || -> Option<(Vec<String>, String, String)> {
        let (_, rest) = expression.strip_prefix("SEARCH('{")?.split_once(',')?;
        let (dimensions, rest) = rest.split_once('}')?;
        let (_, rest) = rest.split_once("MetricName=\"")?;
        let (name, rest) = rest.split_once('"')?;
        let stat = rest.split('\'').nth(2)?;
        let dimensions = dimensions.split(',').map(str::to_owned).collect();
        Some((dimensions, name.to_owned(), stat.to_owned()))
    };
    let (searched, name, stat) =
        search().with_context(|| format!("the picture cannot read the metric {line}"))?;
    Ok(Metric {
        name,
        stat,
        searched,
        of: String::new(),
        is_right,
    })
}

fn table(properties: &Value) -> Result<Content> {
    let query = text(properties, "query");
    let fields = query
        .split('|')
        .find_map(|command| command.trim().strip_prefix("fields "))
        .with_context(|| format!("a query names no fields: {query}"))?;
    Ok(Content::Table {
        columns: fields
            .split(',')
            .map(|field| field.trim().to_owned())
            .collect(),
    })
}

fn text(value: &Value, name: &str) -> String {
    let found = value.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
  Dashboard:
    Properties:
      DashboardBody: !Sub |
        {"widgets": [
          {"type": "metric", "x": 0, "y": 6, "width": 12, "height": 3, "properties": {
            "title": "Both", "stacked": true, "metrics": [
              [{"expression": "SEARCH('{Space,Bucket,Verdict} MetricName=\"Checked\"', 'p99', 300)"}],
              ["AWS/SQS", "Age", "QueueName", "${CheckQueue.QueueName}", {"stat": "Maximum", "yAxis": "right"}]]}},
          {"type": "log", "x": 0, "y": 9, "width": 24, "height": 3, "properties": {
            "title": "In ${AWS::Region}", "query": "SOURCE '${Logs}' | fields @timestamp, key | limit 5"}}
        ]}
Outputs: {}
"#;

    #[test]
    fn searches_metrics_and_tables_are_read_with_names_for_references() {
        let read = widgets(TEMPLATE).unwrap();
        let [curves, table] = read.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!((curves.y, curves.width, curves.height), (6, 12, 3));
        let Content::Metrics {
            is_stacked: true,
            metrics,
        } = &curves.content
        else {
            panic!("{curves:?}")
        };
        assert_eq!(
            (metrics[0].name.as_str(), metrics[0].stat.as_str()),
            ("Checked", "p99")
        );
        assert_eq!(metrics[0].searched, ["Bucket", "Verdict"]);
        assert_eq!(
            (metrics[1].name.as_str(), metrics[1].of.as_str()),
            ("Age", "CheckQueue")
        );
        assert!(metrics[1].is_right && !metrics[0].is_right);
        assert_eq!(table.title, "In us-west-2");
        let columns = ["@timestamp", "key"].map(str::to_owned).to_vec();
        assert_eq!(table.content, Content::Table { columns });
    }

    #[test]
    fn a_widget_that_could_not_be_shown_is_an_error() {
        let changed = TEMPLATE.replace("\"log\"", "\"explorer\"");
        let error = widgets(&changed).unwrap_err();
        assert!(error.to_string().contains("explorer"), "{error}");
    }
}
