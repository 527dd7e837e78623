"""The one thread of Playwright: it keeps an event loop running there, where no other test could run one of its own."""

from concurrent.futures import ThreadPoolExecutor

STAGE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chromium")
