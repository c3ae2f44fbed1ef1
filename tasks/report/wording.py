"""What outcomes and reasons mean, in words for people who look at pictures."""

#: In the order in which people ask for them.
OUTCOMES: dict[str, str] = {
    "succeeded": "The picture or answer is here.",
    "refused": "The provider declined the content. It is never sent again by itself.",
    "failed": "The call ended without a usable result.",
    "unknown": "A call was sent and its end is not known. It may have been charged.",
    "held": "Waits for a decision: rerun it with --only held.",
    "pending": "Not bought yet; a plain rerun takes it up.",
}

REASONS: dict[str, str] = {
    "policy": "content policy",
    "invalid_request": "the provider called the request invalid",
    "model_unavailable": "the model was not available",
    "no_image": "the reply held no picture",
    "bad_image": "the bytes were not a usable picture",
    "url_expired": "the picture's URL died before it was fetched",
    "input_unavailable": "an input picture could not be read",
    "server_error": "the provider's server failed",
    "rate_limited": "too many requests, over and over",
    "connection": "no connection to the provider",
    "too_large": "the request or the reply was too large",
    "internal": "a fault of Printroom's own",
    "timeout": "no reply in time",
    "connection_lost": "the connection broke after the request was sent",
    "gateway_timeout": "the gateway gave up waiting",
    "crash": "the run ended while the call was in flight",
    "malformed_reply": "the reply could not be read",
    "attempts_exhausted": "every allowed attempt ended unknown",
    "on_unknown_hold": "the run was told to hold unknown calls",
    "not_started": "not started yet",
    "budget": "the budget was used up",
    "provider_stopped": "the provider stopped the run",
    "interrupted": "the run was interrupted",
    "waiting_for_input": "waits for another row's picture",
}

STAGES: dict[str, str] = {
    "prompt": "the prompt was refused",
    "output": "the finished picture was refused",
    "vision": "reading the picture was refused",
    "unspecified": "the provider does not say what it refused",
}
