//! Small pieces of HTML and SVG.

use std::fmt::Write;

/// Text made safe inside an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate with one decimal, and none where it would be zero.
pub(crate) fn px(x: f64) -> String {
    let tenths = (x * 10.0).round() as i64;
    if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{:.1}", tenths as f64 / 10.0) }
}

/// A table row: its head and its cells, which are already markup.
pub(crate) fn row(head: &str, cells: &[&str]) -> String {
    let mut out = format!("<tr><th>{head}</th>");
    for cell in cells {
        let _ = write!(out, "<td>{cell}</td>");
    }
    out + "</tr>"
}

/// A bar filled to `fraction`, and its text.
pub(crate) fn bar(fraction: f64, text: &str) -> String {
    let percent = px((fraction * 100.0).clamp(0.0, 100.0));
    let filled = if fraction > 0.0 { format!("<i style=\"width:{percent}%\"></i>") } else { String::new() };
    format!("<span class=\"bar\">{filled}</span> {text}")
}

/// A whole card: head, remark, body, picture.
pub(crate) fn card(head: &str, remark: &str, body: &str, picture: &str) -> String {
    let style = crate::style::SHEET;
    format!(
        "<div class=\"clv\"><style>{style}</style><div class=\"main\"><div class=\"head\"><b>{head}</b> \
         <span class=\"soft\">{remark}</span></div>{body}</div>{picture}</div>"
    )
}
