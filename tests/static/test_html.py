# SPDX-License-Identifier: Apache-2.0
"""The pages that make html makes: every link leads somewhere."""
import re
from html.parser import HTMLParser
from urllib.parse import urldefrag


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[k] for k in ("href", "src") if k in attrs]
        if "id" in attrs:
            self.ids.add(attrs["id"])


def test_no_link_is_dead(t):
    t.need("lowdown"), t.need("mandoc")
    r = t.run([t.src / "docs/html.py", "html"])
    assert r.returncode == 0, r
    pages = {path: Page(path) for path in (t.dir / "html").rglob("*.html")}
    assert len(pages) > 25
    dead, seen = [], 0
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"(https?|mailto):", link):
                continue
            seen += 1
            name, anchor = urldefrag(link)
            target = (path.parent / name).resolve() if name else path
            if not target.is_file() or anchor and target in pages and anchor not in pages[target].ids:
                dead.append(f"{path.relative_to(t.dir / 'html')}: {link}")
    assert not dead, "\n".join(dead)
    assert seen > 500, seen
