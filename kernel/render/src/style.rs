//! The one style sheet. Colours come from the notebook's theme, with fallbacks for pages that have none.

/// Rules for everything below `.clv`.
pub(crate) const SHEET: &str = ".clv{--a:#0f7b8a;--l:var(--jp-border-color2,#8886);--s:var(--jp-content-font-color2,#678);\
--p:var(--jp-layout-color0,var(--vscode-editor-background,#fff));color:var(--jp-content-font-color1,inherit);\
font:13px/1.5 var(--jp-content-font-family,system-ui,sans-serif);font-variant-numeric:tabular-nums;display:flex;\
flex-wrap:wrap;gap:18px;align-items:start;border-left:3px solid var(--a);padding:2px 0 2px 14px;max-width:100%}\
[data-jp-theme-light=false] .clv,.vscode-dark .clv{--a:#4cc3d3}\
@media(prefers-color-scheme:dark){body:not([data-jp-theme-light]) .clv{--a:#4cc3d3;--p:#111418;--s:#9aa5b1}}\
.clv.clv .soft,.clv.clv th{color:var(--s);font-weight:400}.clv .main{min-width:0;max-width:100%;overflow-x:auto}\
.clv.clv table{border:0;border-collapse:collapse;margin:3px 0;font-size:13px;table-layout:auto;width:auto}.clv.clv table+table{border-top:1px solid var(--l)}\
.clv.clv tr:nth-child(n){background:none}.clv.clv th,.clv.clv td{text-align:left;padding:1px 14px 1px 0;border:0;max-width:none;vertical-align:baseline}\
.clv.clv th{white-space:nowrap}.clv.clv .g td,.clv.clv .g thead th{text-align:right}.clv code{font-size:12px;border:1px solid var(--l);border-radius:4px;padding:0 4px;background:none}\
.clv.clv pre{margin:0 0 4px;padding:0;font-size:12px;line-height:1.35;background:none;border:0}\
.clv .bar{display:inline-block;width:84px;height:7px;border-radius:4px;background:var(--l);overflow:hidden;vertical-align:middle}\
.clv .bar i{display:block;height:100%;min-width:2px;background:var(--a)}\
.clv svg{max-width:100%;height:auto}.clv svg text{font-size:11px;fill:var(--s)}";

/// The rules a picture needs when it stands alone, outside a card.
pub(crate) const PICTURE: &str = "svg{--a:#0f7b8a;--s:#6b7680;--p:#fff}@media(prefers-color-scheme:dark){svg{--a:#4cc3d3;--s:#9aa5b1;--p:#111418}}\
text{font:11px system-ui,sans-serif;fill:var(--s)}";
