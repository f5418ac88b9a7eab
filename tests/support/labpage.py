"""A notebook in JupyterLab as a person handles it."""

import re
import time

from program import ARTEFACTS


class Notebook:
    def __init__(self, page, address, token):
        self.page = page
        page.goto(f"{address}/lab?token={token}&reset", wait_until="domcontentloaded")
        page.locator(".jp-Launcher").first.wait_for(timeout=40_000)

    def choose(self, kernel):
        """Open a notebook by its kernel's card in the launcher."""
        card = self.page.locator(f'.jp-LauncherCard[data-category="Notebook"][title^="{kernel}"]').first
        card.click()
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        self.page.locator("#jp-main-statusbar").get_by_text(f"{kernel} | Idle").wait_for()
        return self

    def restart(self, kernel):
        """Restart by the toolbar and wait until the new kernel is there."""
        self.page.locator('[data-jp-item-name="restart"]').first.click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.page.locator("#jp-main-statusbar").get_by_text(f"{kernel} | Idle").wait_for()

    @property
    def cells(self):
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-CodeCell")

    def type_cell(self, code):
        """Write `code` into the last cell."""
        editor = self.cells.last.locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)

    def start(self, code):
        """Run `code` in the last cell, which makes a new one; return the cell that runs."""
        position = self.cells.count() - 1
        self.type_cell(code)
        self.page.keyboard.press("Shift+Enter")
        cell = self.cells.nth(position)
        self.cells.nth(position + 1).wait_for()
        return cell

    def run(self, code, timeout=30_000):
        cell = self.start(code)
        cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]:")).wait_for(timeout=timeout)
        return cell

    def output(self, cell):
        return cell.locator(".jp-OutputArea-output")

    def dark(self, on=True):
        theme = "JupyterLab Dark" if on else "JupyterLab Light"
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.locator(f'body[data-jp-theme-name="{theme}"]').wait_for(state="attached")

    def picture(self, name):
        time.sleep(0.3)
        self.page.screenshot(path=str(ARTEFACTS / f"{name}.png"))
