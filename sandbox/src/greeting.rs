//! `Custom::Greeting`, the example of the crate `custom-resource`, as a function in a stack of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::guard;
use crate::sam::{self, ARCHITECTURE, Stack};
use crate::server::Sandbox;
use crate::tools::{target_directory, workspace};

const STACK: &str = "greeting";
const REGION: &str = "us-east-1";

/// A zip as Lambda takes it, with the program in it.
const PACK: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    entry = zipfile.ZipInfo('bootstrap')
    entry.external_attr, entry.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
    archive.writestr(entry, open(sys.argv[2], 'rb').read())";

/// Deploys `program` as the stack's function, and has it greet, greet otherwise, refuse what is no boolean, and go.
///
/// # Errors
/// When it does anything else.
pub async fn greets(sandbox: &Sandbox, program: &Path) -> Result<()> {
    let directory = target_directory().join(STACK);
    fs::create_dir_all(&directory)?;
    let template = directory.join("template.yaml");
    fs::copy(workspace().join("tests/stacks/greeting.yaml"), &template)?;
    let mut pack = sandbox.command("python", REGION);
    pack.args(["-c", PACK]).arg(directory.join("greeting.zip"));
    pack.arg(program);
    let what = format!(
        "cannot pack `{}`, which has to be compiled",
        program.display()
    );
    guard::run(&what, pack, |_| {}).await?;
    let template = template.to_string_lossy();
    let with = async |name: &str, loud: &str| {
        let stack = Stack {
            name: STACK,
            region: REGION,
            template: Some(&template),
            account: None,
            parameters: &[
                ("Architecture", ARCHITECTURE),
                ("GivenName", name),
                ("Loud", loud),
            ],
        };
        sam::deploy(sandbox, &stack, |_| {}).await
    };
    for (name, loud, expected) in [
        ("stranger", "true", "Hello, stranger!"),
        ("friend", "false", "Hello, friend."),
    ] {
        with(name, loud).await?;
        let outputs = sam::outputs(sandbox, STACK, REGION).await?;
        let text = outputs.get("Text").map(String::as_str);
        ensure!(text == Some(expected), "{text:?} is not `{expected}`");
    }
    let refused = with("friend", "perhaps").await;
    let refused = refused.err().context("it took what is no boolean")?;
    // SAM CLI breaks lines where its table ends.
    let told = format!("{refused:#}");
    let told: Vec<&str> = told.split_whitespace().collect();
    let told = told.join(" ");
    ensure!(
        told.contains("property Loud is `perhaps`, not true or false"),
        "{told}"
    );
    let mut delete = sandbox.command("python", REGION);
    delete.args(["sandbox/delete_stack.py", STACK]);
    guard::run("cannot delete the stack", delete, |_| {}).await?;
    Ok(())
}
