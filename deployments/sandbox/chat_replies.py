"""The ways a picture (or none) comes back in a chat reply, V1 to V11 of section 4.2 and the texts of section 4.4."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a chat reply can be built from: addresses of the pictures, their bytes as base64, and the request."""

    urls: Sequence[str]
    b64: Sequence[str]
    mime: str
    prompt: str
    ratio: str
    base_url: str
    task: str

    @property
    def url(self) -> str:
        """The first picture's address."""
        return self.urls[0]

    @property
    def download(self) -> str:
        """The same file by its download link."""
        return self.url.replace("/files/", "/files/download/", 1)

    @property
    def fence(self) -> str:
        """The request as reverse servers echo it."""
        fields = {"prompt": self.prompt, "ratio": self.ratio, "n": 1}
        return f"```json\n{orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()}\n```\n\n"


def _plain(shown: Shown) -> str:
    return "\n".join(f"![image]({url})" for url in shown.urls) + "\n\n"


def _progress(shown: Shown) -> str:
    steps = "..".join(str(step) for step in (5, 31, 72))
    return (
        f"{shown.fence}> ID: `{shown.task}`\n>[数据预览]({shown.base_url}/web/{shown.task}) | "
        f"[原始数据]({shown.base_url}/source/{shown.task})\n>🕐 排队中.\n>⚡ 生成中.....\n"
        f">🏃 进度 {steps}..[100]({shown.base_url}/vg-assets/{shown.task}/100)\n> ✅ 生成完成\n\n"
        f"![gen_01{shown.task[:8]}]({shown.url})\n\n[点击下载]({shown.download})\n"
    )


def _four_o(shown: Shown) -> str:
    fence = orjson.dumps({"prompt": shown.prompt, "referenced_image_ids": []}).decode()
    steps = "\n".join(f"> 进度 **{step}%**" for step in (2, 35, 68, 100))
    return f"```json\n{fence}\n```\n\n{steps}\n\n![file_000{shown.task[:6]}]({shown.url})\n[下载⏬]({shown.download})\n"


def _url_alt(shown: Shown) -> str:
    return f"> 🎨 生成中...\n\n![{shown.url}]({shown.url})\n\n[点击下载]({shown.download})"


def _many(shown: Shown) -> str:
    return "\n".join(f"![Generated Image]({url})" for url in shown.urls)


def _parts(shown: Shown) -> list[dict[str, Any]]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in shown.urls]
    return [{"type": "text", "text": "Here is your picture."}, *pictures]


PICTURE_CONTENT: Mapping[str, Callable[[Shown], Any]] = {
    "chat_plain": _plain,
    "chat_progress": _progress,
    "chat_4o": _four_o,
    "chat_url_alt": _url_alt,
    "chat_many": _many,
    "chat_data_uri": lambda shown: f"![image](data:{shown.mime};base64,{shown.b64[0]})",
    "chat_base64_uri": lambda shown: f"![image](base64://{shown.b64[0]})",
    "chat_parts": _parts,
    "chat_bare_url": lambda shown: f"{shown.url}\n",
    "chat_escaped": lambda shown: f"![image]({shown.url.replace('/', chr(92) + '/')})",
    "chat_paren_url": lambda shown: f"![image]({shown.url.replace('?', '?v=(1)&', 1)})\n\n",
    "chat_download_only": lambda shown: f"{shown.fence}> ✅ 生成完成\n\n[点击下载]({shown.download})",
    "chat_fence_only": lambda shown: shown.fence,
}

TEXT_CONTENT: Mapping[str, str] = {
    "text_refusal": "We’re so sorry, but the prompt may violate our content policies. If you think we got it wrong, "
    "please retry or edit your prompt.",
    "text_refusal_guardrails": "I can't create that image: the request runs into guardrails around nudity, sexuality, "
    "or erotic content. I can help with another idea.",
    "text_refusal_third_party": "We’re so sorry, but the image we created may violate our guardrails concerning "
    "similarity to third-party content. If you think we got it wrong, please retry or edit your prompt.",
    "text_refusal_zh": "内容安全策略拒绝：该提示词无法生成图片。",
    "text_refusal_zh_policy": "抱歉，您的请求违反了我们的内容政策，无法生成该图片。",
    "text_failure_reason": "> ❌ 生成失败\n> failure_reason: input_moderation",
    "text_failure_output": "> ❌ 生成失败\n> failure_reason: output_moderation",
    "text_unavailable": "Unable to generate – Sora is temporarily unavailable, please check back soon",
    "text_queue": "目前有很多人在创建图片，因此可能需要一点时间。图片准备好后我们会通知你。",
    "text_queue_en": "Lots of people are creating images right now, so this might take a bit. We'll notify you when "
    "your image is ready.",
    "text_cloudflare": "❌ Generation failed: Cloudflare challenge or rate limit (429) triggered. Please change proxy.",
    "text_tool_error": "The image generation tool encountered an error. Please try again.",
    "text_failed_load": "Failed to load the image.",
    "text_failed_zh": "生图失败",
    "text_question": "That sounds lovely! Would you like me to draw it in a realistic or in an illustrated style?",
    "text_question_zh": "请提供更多细节，例如风格、颜色和构图，我再为您生成。",
    "text_unfinished": "> 🕐 排队中.\n> ⚡ 生成中.....\n> 进度 **12%**\n> 进度 **38%**",
    "text_empty": "",
}


def completion(
    model: str, request_id: str, created: int, content: Any, usage: dict[str, int], **message: Any
) -> dict[str, Any]:
    """A chat completion with one choice; ``finish_reason`` and further message fields by keyword."""
    finish = message.pop("finish_reason", "stop")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "logprobs": None,
        "finish_reason": finish,
    }
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def chat_usage(input_tokens: int, output_tokens: int, image_tokens: int = 0) -> dict[str, Any]:
    """The usage object of a chat completion."""
    details = {"cached_tokens": 0, "text_tokens": input_tokens - image_tokens, "image_tokens": image_tokens}
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def frame(data: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"


def chunk(body: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A streaming piece of the completion ``body``."""
    return {
        "id": body["id"],
        "object": "chat.completion.chunk",
        "created": body["created"],
        "model": body["model"],
        "choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}],
    }


def stream_frames(body: Mapping[str, Any]) -> list[bytes]:
    """A whole completion as a stream: role, text in pieces, the end, usage, ``[DONE]``."""
    message = body["choices"][0]["message"]
    content = message["content"] if isinstance(message["content"], str) else ""
    pieces = [content[start : start + 400] for start in range(0, len(content), 400)]
    frames = [frame(chunk(body, {"role": "assistant", "content": ""}))]
    frames += [frame(chunk(body, {"content": piece})) for piece in pieces]
    if message.get("refusal"):
        frames.append(frame(chunk(body, {"refusal": message["refusal"]})))
    frames.append(frame({**chunk(body, {}, body["choices"][0]["finish_reason"]), "usage": body["usage"]}))
    return [*frames, frame(b"[DONE]")]


STREAM_ERRORS: Mapping[str, dict[str, Any]] = {
    "sse_error": {"message": "Generation failed: upstream error", "type": "server_error", "param": None, "code": None},
    "sse_error_saturated": {"message": "当前分组上游负载已饱和，请稍后再试", "type": "rate_limit_error"},
}


def broken_frames(name: str, body: Mapping[str, Any]) -> list[bytes]:
    """A stream that ends badly: some progress, then an error frame (or nothing) instead of the picture."""
    frames = [frame(chunk(body, {"role": "assistant", "content": "> 🕐 排队中.\n"}))]
    frames += [frame(chunk(body, {"content": f"> 进度 **{step}%**\n"})) for step in (10, 45)]
    if name in STREAM_ERRORS:
        frames.append(frame({"error": STREAM_ERRORS[name]}))
    return frames
