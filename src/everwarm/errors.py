"""Every error of Everwarm, by who is to blame.

    EverwarmError
    ├── ClientError                 the request is at fault: the caller must change it       4xx
    │   ├── BadRequest              what was sent cannot be understood or done               400
    │   │   └── Unsupported         understood, but the model inside cannot do it            400
    │   ├── PromptError             a ``Prompt`` that would not cache, or is no prompt       400
    │   ├── Unauthorized            who asks is not known here                               401
    │   ├── Forbidden               who asks may not do this                                 403
    │   ├── NotFound                no such path                                             404
    │   │   └── ModelNotFound       no such model; says which there are                      404
    │   ├── MethodNotAllowed        the path exists, the method does not                     405
    │   ├── RequestTimeout          head or body did not arrive in time                      408
    │   ├── UnsupportedMediaType    the body is no JSON, or compressed                       415
    │   ├── UriTooLong              the path and query are over the limit                    414
    │   ├── HeadTooLarge            too many headers, or too long ones                       431
    │   └── TooLarge                the body is over the limit                               413
    ├── UpstreamError               who should answer did not                                5xx
    │   ├── Overloaded              too many wait already; come back later                   503
    │   ├── Unreachable             no connection to it, or it closed before it answered     502
    │   │   └── Lost                it closed before it began to, so it may be asked again   502
    │   ├── TimedOut                it took longer than is allowed                           504
    │   ├── NotStored               only a stored answer was wanted, and there is none       504
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


class PromptError(ClientError):
    code = "invalid_prompt"


class Unauthorized(ClientError):
    status = 401
    code = "invalid_api_key"


class Forbidden(ClientError):
    status = 403
    kind = "permission_error"
    code = "forbidden"


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


class UnsupportedMediaType(ClientError):
    status = 415
    code = "unsupported_media_type"


class UriTooLong(ClientError):
    status = 414
    code = "uri_too_long"


class HeadTooLarge(ClientError):
    status = 431
    code = "head_too_large"


class TooLarge(ClientError):
    status = 413
    code = "request_too_large"


class UpstreamError(EverwarmError):
    status = 502


class Overloaded(UpstreamError):
    status = 503
    code = "overloaded"


class Unreachable(UpstreamError):
    code = "upstream_unreachable"


class Lost(Unreachable):
    pass


class TimedOut(UpstreamError):
    status = 504
    code = "upstream_timeout"


class NotStored(UpstreamError):
    status = 504
    code = "not_stored"


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
