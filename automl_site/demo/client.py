"""The demo's browser: signs in by the one-time link and speaks to the HTTP interface."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from automl_site.demo.errors import DemoError

API = "/api/v1"
CSRF_COOKIE = "csrftoken"


class Client:
    """An HTTP session of one signed-in user; a context manager.

    Attributes:
        base_url: Scheme, host and port of the application, no slash at the end.
    """

    def __init__(self, base_url: str) -> None:
        """Prepares the session; nothing is sent yet."""
        self.base_url = base_url
        # trust_env off: a proxy of the environment must not see a request to this machine.
        self._http = httpx.Client(base_url=base_url, follow_redirects=True, timeout=60, trust_env=False)

    def __enter__(self) -> Client:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connections."""
        self._http.close()

    @property
    def cookie_header(self) -> str:
        """The session's cookies as one header value, for the websocket."""
        return "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())

    def sign_in(self, link: str, timeout: float = 60.0) -> None:
        """Opens the one-time link and presses its button.

        Args:
            link: The link that the application printed.
            timeout: Seconds to wait for the web server to listen.

        Raises:
            DemoError: If the server does not answer or nobody is signed in afterwards.
        """
        page = self._first_answer(link, timeout)
        if page.status_code != httpx.codes.OK:
            raise DemoError(f"The sign-in link answered {page.status_code}; start the demo again.")
        if not self._is_signed_in():
            self._http.post(page.url, headers=self._csrf_headers())
        if not self._is_signed_in():
            raise DemoError("Nobody is signed in after the one-time link; read the stack's log.")

    def get(self, path: str, **params: Any) -> Any:
        """Returns the JSON of a GET request below /api/v1.

        Raises:
            DemoError: If the answer is an error.
        """
        return _checked(self._http.get(API + path, params=params)).json()

    def post(self, path: str, payload: dict[str, Any] | None = None) -> Any:
        """Returns the JSON of a POST request with a JSON body below /api/v1.

        Raises:
            DemoError: If the answer is an error.
        """
        answer = self._http.post(API + path, json=payload or {}, headers=self._csrf_headers())
        return _checked(answer).json()

    def upload(self, archive: Path, name: str) -> dict[str, Any]:
        """Uploads a zip as a new data set and returns it.

        Raises:
            DemoError: If the upload is refused.
        """
        with archive.open("rb") as stream:
            answer = self._http.post(
                f"{API}/datasets",
                data={"name": name},
                files={"file": (archive.name, stream, "application/zip")},
                headers=self._csrf_headers(),
            )
        dataset: dict[str, Any] = _checked(answer).json()
        return dataset

    def download(self, path: str, destination: Path) -> int:
        """Streams a file below /api/v1 to the disk and returns its number of bytes.

        Raises:
            DemoError: If the answer is an error.
        """
        size = 0
        with self._http.stream("GET", API + path) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer)
            with destination.open("wb") as target:
                for chunk in answer.iter_bytes():
                    size += target.write(chunk)
        return size

    def _is_signed_in(self) -> bool:
        return self._http.get(f"{API}/datasets").status_code == httpx.codes.OK

    def _first_answer(self, link: str, timeout: float) -> httpx.Response:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self._http.get(link)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise DemoError(
                        f"The web server did not answer within {timeout:.0f} s: {error}."
                    ) from error
                time.sleep(0.2)

    def _csrf_headers(self) -> dict[str, str]:
        token = self._http.cookies.get(CSRF_COOKIE) or ""
        return {"X-CSRFToken": token, "Origin": self.base_url, "Referer": f"{self.base_url}/"}


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        request = answer.request
        raise DemoError(
            f"{request.method} {request.url.path} answered {answer.status_code}: {_sentence(answer)}"
        )
    return answer


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
