//! What `evidence.yaml` takes from here: the table's columns and the saved queries.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use crate::{COLUMNS, queries};

fn columns() -> String {
    let mut text = String::from("          Columns:\n");
    for column in COLUMNS {
        let kind = if column.kind.contains('<') {
            format!("\"{}\"", column.kind)
        } else {
            column.kind.to_owned()
        };
        let _ = writeln!(
            text,
            "            - {{ Name: {}, Type: {kind} }}",
            column.name
        );
    }
    text
}

/// `findings` is resource `FindingsQuery`.
fn saved() -> String {
    let mut text = String::new();
    for query in queries::ALL {
        let mut letters = query.name.chars();
        let first = letters.next().unwrap().to_uppercase();
        let parameters = query.parameters.join(", ");
        let _ = write!(
            text,
            "  {first}{}Query:\n    Type: AWS::Athena::NamedQuery\n    Properties:\n      Name: {}\n      \
             Description: >-\n        {}. Parameters: {parameters}.\n      Database: !Ref Database\n      \
             WorkGroup: !Ref WorkGroup\n      QueryString: |\n",
            letters.as_str(),
            query.name,
            query.answers,
        );
        for line in query.text.lines() {
            let _ = writeln!(text, "        {line}");
        }
        text.push('\n');
    }
    text
}

/// Puts `section` between the lines that begin and end it.
fn with_section(template: &str, name: &str, section: &str) -> String {
    let (before, rest) = template.split_once(&format!("# begin: {name}")).unwrap();
    let (begin, rest) = rest.split_once('\n').unwrap();
    let (old, after) = rest.split_once(&format!("# end: {name}")).unwrap();
    let indent = old.rsplit('\n').next().unwrap();
    format!("{before}# begin: {name}{begin}\n{section}{indent}# end: {name}{after}")
}

#[test]
fn the_template_has_the_columns_and_queries_of_the_code() {
    let path = Path::new("../../evidence.yaml");
    let found = fs::read_to_string(path).unwrap();
    let made = with_section(&found, "columns", &columns());
    let made = with_section(&made, "queries", &saved());
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap() == made,
        "evidence.yaml is stale; cargo xtask reference writes it anew"
    );
}

/// Athena takes a query of up to 262,144 bytes, and a description of up to 1,024.
///
/// See <https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html>.
#[test]
fn athena_takes_the_queries() {
    for query in queries::ALL {
        assert!(query.text.len() <= 262_144);
        assert!(query.answers.len() + query.parameters.join(", ").len() < 1000);
    }
}
