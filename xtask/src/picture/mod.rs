//! `cargo xtask picture`: the dashboard as it looks, drawn from `template.yaml`'s own definition of it.

mod dashboard;
mod draw;
mod sample;

use std::fs;

use anyhow::{Context, Result};
use sandbox::tools::workspace;

const PICTURE: &str = "docs/dashboard.svg";
const TEMPLATE: &str = "template.yaml";

/// Draws the dashboard into `docs/dashboard.svg`.
///
/// # Errors
/// When the template's dashboard cannot be read, or the picture not be written.
pub(crate) fn run() -> Result<()> {
    let picture = render()?;
    fs::write(workspace().join(PICTURE), picture)
        .with_context(|| format!("cannot write {PICTURE}"))?;
    println!("{PICTURE}");
    Ok(())
}

fn render() -> Result<String> {
    let template = fs::read_to_string(workspace().join(TEMPLATE))
        .with_context(|| format!("cannot read {TEMPLATE}"))?;
    let widgets = dashboard::widgets(&template)
        .with_context(|| format!("cannot read the dashboard of {TEMPLATE}"))?;
    Ok(draw::svg(&widgets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_the_dashboard_that_the_template_has() {
        let kept = fs::read_to_string(workspace().join(PICTURE)).unwrap();
        assert!(
            kept == render().unwrap(),
            "{PICTURE} is stale: `cargo xtask picture` draws it anew"
        );
    }
}
