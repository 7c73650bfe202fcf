"""Every error of Everwarm, by who is to blame.

    EverwarmError
    ├── ClientError                 the request is at fault: the caller must change it       4xx
    │   ├── BadRequest              what was sent cannot be understood or done               400
    │   │   └── Unsupported         understood, but the model inside cannot do it            400
    │   ├── NotFound                no such path                                             404
    │   │   └── ModelNotFound       no such model; says which there are                      404
    │   ├── MethodNotAllowed        the path exists, the method does not                     405
    │   ├── RequestTimeout          the body did not arrive in time                          408
    │   └── TooLarge                the body is over the limit                               413
    ├── UpstreamError               who should answer did not                                5xx
    │   ├── Overloaded              too many wait already; come back later                   503
    │   └── Broken                  it failed, or stopped in the middle of an answer         502
    ├── OperatorError               the machine or the configuration needs a hand            500
    │   ├── ConfigError             a setting is wrong: says which, where, and what would be right
    │   ├── ModelError              a model cannot be found, converted or loaded
    │   └── StoreError              a file of ours cannot be read or written
    └── Bug                         we are at fault: an invariant did not hold               500

The gateway renders any of them in the client's dialect; the command line prints the message and exits. A message says
what was wrong, where, and what to do; it never holds a credential or prompt text.
"""

from __future__ import annotations


class EverwarmError(Exception):
    """Root. ``status`` is the HTTP status; ``kind`` and ``code`` are the words of the OpenAI error shape."""

    status = 500
    kind = "server_error"
    code: str | None = None

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param  # the place in the request, as a path: messages[2].content
        self.retry_after = retry_after  # seconds
        if code is not None:
            self.code = code


class ClientError(EverwarmError):
    status = 400
    kind = "invalid_request_error"


class BadRequest(ClientError):
    code = "invalid_value"


class Unsupported(BadRequest):
    code = "unsupported_parameter"


class NotFound(ClientError):
    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(ClientError):
    """``allow`` names the methods that there are, as the header ``Allow`` does."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class RequestTimeout(ClientError):
    status = 408
    code = "request_timeout"


class TooLarge(ClientError):
    status = 413
    code = "request_too_large"


class UpstreamError(EverwarmError):
    status = 502


class Overloaded(UpstreamError):
    status = 503
    code = "overloaded"


class Broken(UpstreamError):
    code = "upstream_broken"


class OperatorError(EverwarmError):
    code = "internal_error"


class ConfigError(OperatorError):
    pass


class ModelError(OperatorError):
    pass


class StoreError(OperatorError):
    pass


class Bug(EverwarmError):
    code = "internal_error"
