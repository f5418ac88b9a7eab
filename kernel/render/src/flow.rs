//! The steps of a stage as a chain of small boxes, or of words.

use crate::markup::escape;

/// The most steps shown.
const MOST: usize = 8;

/// As boxes joined by arrows.
pub(crate) fn boxes(steps: &[String]) -> String {
    let shown = shorten(steps).iter().map(|s| format!("<code>{}</code>", escape(s))).collect::<Vec<_>>();
    shown.join("<span class=\"soft\"> → </span>")
}

/// As words.
pub(crate) fn words(steps: &[String]) -> String {
    shorten(steps).join(" → ")
}

fn shorten(steps: &[String]) -> Vec<String> {
    if steps.len() <= MOST {
        return steps.to_vec();
    }
    let (head, tail) = (&steps[..MOST / 2], &steps[steps.len() - MOST / 2..]);
    let hidden = format!("{} more", steps.len() - MOST);
    [head, &[hidden], tail].concat()
}
