"""Opens a report in headless Chromium and uses it as a person would.

    python scripts/browser/test_report.py [REPORT.html] [--screenshots DIR]

Without REPORT.html it makes reports with made-up data. Ends with a non-zero status and says what failed.
"""

import argparse
import csv
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from playwright.sync_api import sync_playwright

import fixture

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 420, "height": 860}
HEAD = "() => JSON.parse(document.getElementById('report').textContent)"
PIXELS = """() => { const c = document.getElementById('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0; for (let i = 0; i < d.length; i++) sum = (sum * 31 + d[i]) >>> 0; return sum; }"""
COLOURED = """() => { const c = document.getElementById('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - d[i + 2]) > 24) n++; return n; }"""
NEEDS = "the report has no image with "


class Skipped(Exception):
    """The report that was given has nothing to try this on."""


class Report:
    """One report in one window; whatever it logs as an error or asks of a network is kept."""

    def __init__(self, browser, path, size=WIDE, scheme="light", link="", parsed=None):
        self.context = browser.new_context(viewport=size, color_scheme=scheme, offline=True, accept_downloads=True)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(f"console: {m.text}"))
        self.page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        self.page.on("dialog", lambda d: (self.complaints.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on("request", self._request)
        self.page.goto(path.resolve().as_uri() + link)
        self.head = parsed or self.page.evaluate(HEAD)
        if self.head["images"]:
            self.settled()

    def _request(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.complaints.append(f"request: {request.url[:200]}")

    def settled(self):
        """Waits for the chosen image to be drawn."""
        self.page.wait_for_function("() => document.querySelector('#list[aria-activedescendant]') === null || document.getElementById('detail').dataset.ready !== undefined")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            check(not self.complaints, "the page complained: " + "; ".join(self.complaints))

    def chosen(self):
        return int(self.page.get_attribute("#list", "aria-activedescendant").removeprefix("option-"))

    def order(self):
        """Indices of the images in the order of the list, from the rows that are drawn."""
        return self.page.eval_on_selector_all(".row", "rows => rows.map(r => [Number(r.getAttribute('aria-posinset')), Number(r.dataset.index)])"
                                              ".sort((a, b) => a[0] - b[0]).map(r => r[1])")

    def shown(self):
        return int(self.page.inner_text("#count").split(" of ")[0].replace(",", ""))

    def press(self, key):
        self.page.keyboard.press(key)
        self.settled()

    def with_maps(self, least=1):
        """The first image that has a picture and that many maps, chosen."""
        index = self.page.evaluate("""least => { for (let i = 0; ; i++) { const n = document.getElementById('image-' + i); if (!n) return -1;
            const d = JSON.parse(n.textContent); const maps = [d.any_map, ...d.categories.map(c => c.map)].filter(Boolean).length;
            if (d.picture && maps >= least) return i; } }""", least)
        if index < 0:
            raise Skipped(f"{NEEDS}a picture and {least} maps")
        self.page.evaluate("i => { location.hash = '#image-' + i; }", index)
        self.page.wait_for_function("i => document.getElementById('detail').dataset.ready === String(i)", arg=index)
        return index


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def with_images(report, least=1):
    readable = [image for image in report.head["images"] if not image["error"]]
    if len(readable) < least:
        raise Skipped(f"the report has fewer than {least} readable images")
    return readable


def opens_with_notice_and_policy(browser, path):
    with Report(browser, path) as report:
        check("Research use only, not a medical device." in report.page.inner_text("header"), "no notice at the top")
        check("default-src 'none'" in report.page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content"), "no content security policy")
        check(report.page.inner_text("h1") == report.head["title"], "the title is missing")
        if report.head["images"]:
            check("Research use only" in report.page.inner_text("#detail"), "no notice where an image's answers stand")
        if report.head["set"]:
            check("Research use only" in report.page.inner_text("#set"), "no notice where the set's figures stand")


def overlay_follows_slider_and_choice(browser, path):
    with Report(browser, path) as report:
        report.with_maps()
        first = report.page.evaluate(PIXELS)
        report.page.locator("#opacity").fill("0")
        check(report.page.evaluate(PIXELS) != first, "the slider does not change the picture")
        bare = report.page.evaluate(COLOURED)
        report.page.locator("#opacity").fill("100")
        check(report.page.evaluate(COLOURED) > bare, "at full opacity there is no more colour than without a map")
        full = report.page.evaluate(PIXELS)
        report.page.select_option("#map", "none")
        check(report.page.evaluate(PIXELS) != full, "the choice of no map does not change the picture")


def each_map_differs(browser, path):
    with Report(browser, path) as report:
        report.with_maps(2)
        values = report.page.eval_on_selector_all("#map option", "options => options.map(o => o.value)")[:3]
        seen = set()
        for value in values:
            report.page.select_option("#map", value)
            seen.add(report.page.evaluate(PIXELS))
        check(len(seen) == len(values), f"maps {values} are drawn alike")


def sign_button_shows_its_map(browser, path):
    with Report(browser, path) as report:
        report.with_maps()
        report.page.eval_on_selector_all("#detail details", "all => all.forEach(d => { d.open = true; })")
        button = report.page.locator("button[data-map]").first
        if not button.count():
            raise Skipped(f"{NEEDS}the map of a sign")
        button.click()
        check(button.get_attribute("aria-pressed") == "true", "the button of a sign's map is not marked")
        check(report.page.input_value("#map") == button.get_attribute("data-map"), "the button of a sign does not choose its map")


def sorts(browser, path):
    with Report(browser, path) as report:
        readable = with_images(report, 2)
        images = report.head["images"]
        report.page.select_option("#sort", "p0")
        check(images[report.order()[0]]["p"][0] == max(i["p"][0] for i in readable), "sorted by probability, the highest is not first")
        report.page.click("#reverse")
        check(images[report.order()[0]]["p"][0] == min(i["p"][0] for i in readable), "reversed, the lowest is not first")
        report.page.click("#reverse")
        report.page.select_option("#sort", "normal")
        check(images[report.order()[0]]["normal"] == min(i["normal"] for i in readable), "sorted by normal, the lowest is not first")
        report.page.select_option("#sort", "warnings")
        check(images[report.order()[0]]["warnings"] == max(i["warnings"] for i in images), "sorted by warnings, the most are not first")
        errors = [i["error_size"] for i in readable if i["error_size"] is not None]
        if errors:
            report.page.select_option("#sort", "hardest")
            check(images[report.order()[0]]["error_size"] == max(errors), "sorted by error, the hardest is not first")


def wrong(image):
    return not image["error"] and any((d, t) in (("present", 0), ("absent", 1)) for d, t in zip(image["d"], image["truth"] or []))


def filters(browser, path):
    with Report(browser, path) as report:
        images = with_images(report) and report.head["images"]
        check(report.shown() == len(images), "not all images are counted without a filter")
        report.page.fill("#search", images[-1]["name"])
        check(report.shown() == sum(images[-1]["name"].lower() in i["name"].lower() for i in images), "the search by name counts wrongly")
        report.page.fill("#search", "")
        for decision in ("present", "absent", "uncertain"):
            report.page.select_option("#decision", decision)
            report.page.select_option("#category", "0")
            check(report.shown() == sum(not i["error"] and i["d"][0] == decision for i in images), f"the filter of {decision} counts wrongly")
        report.page.click("#clear")
        check(report.shown() == len(images), "filters are not cleared")
        report.page.check("#only-warned")
        check(report.shown() == sum(i["warnings"] > 0 for i in images), "the filter of warnings counts wrongly")
        report.page.uncheck("#only-warned")
        if any(i["truth"] for i in images):
            report.page.check("#only-wrong")
            check(report.shown() == sum(map(wrong, images)), "the filter of wrong answers counts wrongly")
        report.page.click("#clear") if report.page.is_visible("#clear") else None
        report.page.fill("#search", "no image is called like this")
        check(report.shown() == 0 and "No image fits" in report.page.inner_text("#list"), "an empty list does not say so")


def saves_what_is_filtered(browser, path):
    with Report(browser, path) as report:
        images = with_images(report) and report.head["images"]
        report.page.select_option("#decision", "uncertain")
        kept = report.shown()
        if kept == 0:
            report.page.click("#clear")
            kept = len(images)
        with report.page.expect_download() as download:
            report.page.click("#export")
        with open(download.value.path(), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        check(len(rows) == kept, f"the CSV has {len(rows)} rows: expected {kept}")
        by_name = {i["name"]: i for i in images}
        categories = [c["id"] for c in report.head["categories"]]
        wanted = ["image"] + [f"{kind}_{c}" for c in categories for kind in ("probability", "decision")] + ["normal_probability", "warnings"]
        check(list(rows[0]) == wanted, f"the CSV has columns {list(rows[0])}: expected {wanted}")
        for r in rows:
            image = by_name[r["image"]]
            if not image["error"]:
                check(r[f"decision_{categories[0]}"] == image["d"][0] and float(r[f"probability_{categories[0]}"]) == image["p"][0], f"the CSV says otherwise of {r['image']}")


def keyboard(browser, path):
    with Report(browser, path) as report:
        with_images(report, 3)
        start = report.chosen()
        report.press("j")
        second = report.chosen()
        check(second != start, "j does not choose the next image")
        report.press("k")
        check(report.chosen() == start, "k does not choose the previous image")
        report.press("ArrowRight")
        check(report.chosen() == second, "the right arrow does not choose the next image")
        report.page.focus("#list")
        report.press("ArrowUp")
        check(report.chosen() == start, "the up arrow in the list does not choose the previous image")
        report.press("End")
        check(report.chosen() != start and report.page.locator(f"#option-{report.chosen()}").count() == 1, "End does not choose the last image, or its row is not drawn")
        report.press("/")
        check(report.page.evaluate("document.activeElement.id") == "search", "/ does not go to the search")
        before = report.page.inner_text("#image-name")
        report.page.keyboard.type("jk?")
        check(report.page.input_value("#search") == "jk?" and report.page.inner_text("#image-name") == before, "keys are taken from someone who types")
        report.page.fill("#search", "")
        report.press("Escape")
        check(report.page.evaluate("document.activeElement.id") == "list", "Escape does not leave the search")
        report.press("?")
        check(report.page.is_visible("#help"), "? shows no help")
        report.page.keyboard.press("Escape")
        check(not report.page.is_visible("#help"), "Escape does not close the help")


def keyboard_changes_the_map(browser, path):
    with Report(browser, path) as report:
        report.with_maps()
        value = report.page.input_value("#opacity")
        report.press("[")
        check(int(report.page.input_value("#opacity")) == int(value) - 10, "[ does not lower the opacity")
        report.press("]")
        check(report.page.input_value("#opacity") == value, "] does not raise the opacity")
        chosen = report.page.input_value("#map")
        report.press("m")
        check(report.page.input_value("#map") != chosen, "m does not choose the next map")


def tab_reaches_what_matters(browser, path):
    with Report(browser, path) as report:
        with_images(report)
        reached = set()
        for _ in range(60):
            report.page.keyboard.press("Tab")
            name, outline = report.page.evaluate("() => [document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]")
            check(outline != "none" or name in ("", "detail"), f"the focus on #{name} cannot be seen")
            reached.add(name)
        missing = {"search", "sort", "reverse", "category", "decision", "only-warned", "export", "list"} - reached
        check(not missing, f"Tab does not reach {sorted(missing)}")


def deep_link(browser, path):
    with Report(browser, path) as report:
        last = len(with_images(report) and report.head["images"]) - 1
        parsed = report.head
    with Report(browser, path, link=f"#image-{last}", parsed=parsed) as report:
        check(report.chosen() == last, f"#image-{last} does not choose that image")
        check(report.page.inner_text("#image-name") == parsed["images"][last]["name"], "the linked image's name is not shown")
        report.press("k")
        check(report.page.url.endswith(f"#image-{report.chosen()}"), "the address does not follow the chosen image")
    with Report(browser, path, link="#image-999999", parsed=parsed) as report:
        check(report.page.locator("#detail h2").count() == 1, "a link to no image leaves the page empty")


def prints(browser, path):
    with Report(browser, path, scheme="dark") as report:
        report.page.emulate_media(media="print", color_scheme="dark")
        for hidden in (".side", ".jump", ".map-controls", ".buttons"):
            check(not report.page.locator(hidden).first.is_visible(), f"{hidden} is printed")
        check(report.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "paper is not white")
        check(report.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)", "ink is not black")
        if report.head["images"]:
            check(report.page.is_visible("#image-name"), "the chosen image is not printed")
        if report.head["set"]:
            check(report.page.is_visible("#set-body"), "the set is not printed")
        check(report.page.pdf(prefer_css_page_size=True).startswith(b"%PDF"), "printing gives no PDF")


def every_image_can_be_shown(browser, path):
    with Report(browser, path) as report:
        images = with_images(report) and report.head["images"]
        for index, image in list(enumerate(images))[:30]:
            report.page.evaluate("i => { location.hash = '#image-' + i; }", index)
            report.page.wait_for_function("i => document.getElementById('detail').dataset.ready === String(i)", arg=index)
            text = report.page.inner_text("#detail")
            check(report.page.locator("#image-name").text_content() == image["name"], f"image {index} is shown by another name")
            if image["error"]:
                check("could not be read" in text, f"image {index} failed, and the page does not say so")
            else:
                check(all(c["name"] in text for c in report.head["categories"]), f"image {index} lacks a category")


def fits_its_width(browser, path):
    for size in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            with Report(browser, path, size, scheme) as report:
                report.page.eval_on_selector_all("details", "all => all.forEach(d => { d.open = true; })")
                over = report.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                check(over <= 0, f"at {size['width']} px the page is {over} px too wide ({scheme})")
                paper = report.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
                check((sum(paper) < 200) == (scheme == "dark"), f"the page is not {scheme}: {paper}")


def names_are_no_markup(browser, path):
    with Report(browser, path) as report:
        index = next((i for i, image in enumerate(report.head["images"]) if image["name"] == fixture.HOSTILE), None)
        if index is None:
            raise Skipped("no name in the report looks like HTML")
        report.page.evaluate("i => { location.hash = '#image-' + i; }", index)
        report.page.wait_for_function("i => document.getElementById('detail').dataset.ready === String(i)", arg=index)
        check(report.page.text_content("#image-name") == fixture.HOSTILE, "a name that looks like HTML is not shown as it is")
        check(report.page.locator("h2 img, .row img, h2 b b").count() == 0, "a name became markup")


def many_images_stay_fast(browser, path):
    with Report(browser, path) as report:
        check(len(report.head["images"]) >= 2000, "the large report is small")
        check("2,000" in report.page.inner_text("#count"), "not all images are counted")
        for top in (0, 50_000, 10**7):
            report.page.evaluate("top => { document.getElementById('list').scrollTop = top; }", top)
            report.page.wait_for_timeout(100)
            rows = report.page.locator(".row").count()
            check(0 < rows < 60, f"{rows} rows are in the page after scrolling to {top}")
            check(report.page.evaluate("""() => { const l = document.getElementById('list').getBoundingClientRect();
              return [...document.querySelectorAll('.row')].some(r => r.getBoundingClientRect().bottom > l.top + 20 && r.getBoundingClientRect().top < l.bottom - 20); }"""),
                  f"the list is blank after scrolling to {top}")
        report.page.focus("#list")
        report.press("End")
        check(report.page.get_attribute(f"#option-{report.chosen()}", "aria-posinset") == "2000", "End does not reach the last of 2,000")
        report.page.select_option("#sort", "p1")
        report.page.fill("#search", "case_1")
        check(report.shown() == 1000, "the search in 2,000 counts wrongly")


EVERY = [opens_with_notice_and_policy, overlay_follows_slider_and_choice, each_map_differs, sign_button_shows_its_map, sorts, filters, saves_what_is_filtered,
         keyboard, keyboard_changes_the_map, tab_reaches_what_matters, deep_link, prints, every_image_can_be_shown, fits_its_width, names_are_no_markup]


def take_screenshots(browser, paths, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for size in (WIDE, NARROW):
            for scheme in ("light", "dark"):
                name = f"{path.stem}-{size['width']}-{scheme}"
                with Report(browser, path, size, scheme) as report:
                    report.page.screenshot(path=folder / f"{name}.png", full_page=True)
                    report.page.evaluate("document.getElementById('images').scrollIntoView()")
                    report.page.screenshot(path=folder / f"{name}-images.png")
        with Report(browser, path) as report:
            report.page.pdf(path=folder / f"{path.stem}.pdf", prefer_css_page_size=True)


def run(name, test, browser, path):
    try:
        test(browser, path)
    except Skipped as why:
        print(f"skipped {name}: {why}")
        return "skipped"
    except AssertionError as why:
        print(f"FAILED  {name}: {why}")
        return "failed"
    except Exception:
        print(f"FAILED  {name}:\n{traceback.format_exc()}")
        return "failed"
    print(f"ok      {name}")
    return "passed"


def cases(given, folder):
    """(name, test, report) of everything to try, and the reports to take pictures of."""
    if given:
        return [(test.__name__, test, given) for test in EVERY], [given]
    reports = {"evaluate": fixture.html(), "predict": fixture.html(evaluate=False), "many": fixture.html(2000)}
    paths = {name: folder / f"{name}.html" for name in reports}
    for name, text in reports.items():
        paths[name].write_text(text)
    tests = [(f"{name}: {test.__name__}", test, paths[name]) for name in ("evaluate", "predict") for test in EVERY]
    tests.append(("many: many_images_stay_fast", many_images_stay_fast, paths["many"]))
    return tests, [paths["evaluate"], paths["predict"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", nargs="?", type=Path)
    parser.add_argument("--screenshots", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("there is no `chromium` on the path: scripts/browser/run installs Debian's")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        tests, pictured = cases(arguments.report, Path(folder))
        results = [run(*case[:2], browser, case[2]) for case in tests]
        if arguments.screenshots:
            take_screenshots(browser, pictured, arguments.screenshots)
        browser.close()
    print(", ".join(f"{results.count(result)} {result}" for result in ("passed", "failed", "skipped")))
    sys.exit(1 if "failed" in results else 0)


if __name__ == "__main__":
    main()
