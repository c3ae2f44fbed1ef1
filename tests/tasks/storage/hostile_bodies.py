"""What a hostile or broken server may answer: one row per body, with what must become of it."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass

from PIL import Image

from tests.support.pictures import black_png, encode, png, png_chunk, resized_jpeg, scene, with_png_chunk
from tests.support.scripted import Answer, reply, reset, unmeasured

MAX_BYTES = 300_000

PNG = encode(scene(), "PNG")
JPEG = encode(scene(), "JPEG", quality=90)
WEBP = encode(scene(), "WEBP", quality=90)
LOSSLESS = encode(scene(), "WEBP", lossless=True)
HTML = b"<!DOCTYPE html><html><body>Error 1015: you are being rate limited</body></html>"
BOMB = gzip.compress(bytes(30_000_000))
ZEROS = zlib.compress(bytes(30_000_000))


@dataclass(frozen=True)
class Case:
    """``fate``: reason of the ``FetchError`` or ``BadImage``, or ``stored`` for what is a picture after all."""

    name: str
    answer: Answer
    fate: str

    @property
    def deadline_s(self) -> float:
        """Short where the server only waits, long where a busy machine might."""
        return 0.7 if self.fate == "timeout" else 30


def _image(body: bytes, content_type: str = "image/png") -> bytes:
    return reply(body, f"Content-Type: {content_type}")


def _frames(image_format: str) -> bytes:
    return encode(scene(), image_format, save_all=True, append_images=[scene(seed=2)])


def _many_scans() -> bytes:
    progressive = encode(scene(16, 16), "JPEG", progressive=True)
    at = progressive.index(b"\xff\xda")
    end = progressive.index(b"\xff", at + 2 + int.from_bytes(progressive[at + 2 : at + 4], "big"))
    return progressive[:at] + progressive[at:end] * 5_000 + progressive[at:]


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG)
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def _endless_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
        await writer.drain()


async def _endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"a" * 1_000 + b"\r\n")
        await writer.drain()


async def _endless_continue(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    for byte in PNG:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def _silent_after_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(30)


async def _silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _reset_at_once(writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def _reset_in_the_middle(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(PNG[:500], length=len(PNG)))
    await writer.drain()
    await asyncio.sleep(0.05)
    reset(writer)


async def _close_at_once(_writer: asyncio.StreamWriter) -> None:
    return


async def _garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n" + PNG)


async def _bad_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n" + PNG)


CASES = (
    # other files under a picture's name
    Case("html", reply(HTML, "Content-Type: text/html"), "not_an_image"),
    Case("html called image/png", _image(HTML), "not_an_image"),
    Case("html behind a byte order mark", _image(b"\xef\xbb\xbf" + HTML), "not_an_image"),
    Case("html in utf-16", _image(HTML.decode().encode("utf-16")), "not_an_image"),
    Case("json error with status 200", _image(b'{"error": {"message": "expired"}}'), "not_an_image"),
    Case(
        "svg with a script", _image(b'<?xml version="1.0"?><svg onload="alert(1)"/>', "image/svg+xml"), "not_an_image"
    ),
    Case("pdf", _image(b"%PDF-1.7\n..."), "not_an_image"),
    Case("postscript", _image(b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run"), "not_an_image"),
    Case("gif", _image(encode(scene(), "GIF")), "not_an_image"),
    Case("bmp", _image(encode(scene(), "BMP")), "not_an_image"),
    Case("tiff", _image(encode(scene(), "TIFF")), "not_an_image"),
    Case("icon", _image(encode(scene(32, 32), "ICO")), "not_an_image"),
    Case("fits", _image(b"SIMPLE  =                    T" + b" " * 2850), "not_an_image"),
    Case("avif", _image(b"\0\0\0\x1cftypavif\0\0\0\0" + bytes(100)), "not_an_image"),
    Case("mp4", _image(b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(100)), "not_an_image"),
    Case("zip", _image(b"PK\x03\x04" + bytes(100)), "not_an_image"),
    Case("gzip without saying so", _image(gzip.compress(PNG)), "not_an_image"),
    Case("wave file in a RIFF container", _image(b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)), "not_an_image"),
    Case("a newline before a png", _image(b"\n" + PNG), "not_an_image"),
    Case("nothing", _image(b""), "not_an_image"),
    Case("one byte", _image(b"\x89"), "not_an_image"),
    # pictures cut short or damaged
    Case("png signature alone", _image(PNG[:8]), "truncated"),
    Case("half a png, rightly measured", _image(PNG[: len(PNG) // 2]), "truncated"),
    Case(
        "half a png, wrongly measured", reply(PNG[: len(PNG) // 2], "Connection: close", length=len(PNG)), "connection"
    ),
    Case("half a png, not measured", unmeasured(PNG[: len(PNG) // 2]), "truncated"),
    Case("png without its end", _image(PNG[:-12]), "truncated"),
    Case("png without pixels", _image(png(8, 8, b"")), "truncated"),
    Case("png with pixels cut inside", _image(png(8, 8, zlib.compress(bytes(range(72)))[:20])), "truncated"),
    Case("png with one flipped bit", _image(PNG[:90] + bytes([PNG[90] ^ 4]) + PNG[91:]), "corrupt"),
    Case("png of no width", _image(png(0, 8, zlib.compress(bytes(8)))), "corrupt"),
    Case("png without a header", _image(PNG[:8] + PNG[33:]), "corrupt"),
    Case("half a jpeg", _image(JPEG[: len(JPEG) // 2], "image/jpeg"), "truncated"),
    Case("half a jpeg, not measured", unmeasured(JPEG[: len(JPEG) // 2]), "truncated"),
    Case("jpeg without pixels", _image(JPEG[:20] + b"\xff\xd9"), "corrupt"),
    Case("jpeg with noise for a header", _image(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4), "corrupt"),
    Case("half a webp", _image(WEBP[: len(WEBP) // 2]), "truncated"),
    Case("webp with ones for pixels", _image(LOSSLESS[:25] + b"\xff" * (len(LOSSLESS) - 25)), "corrupt"),
    # bombs
    Case("png of 2 gigapixels", _image(png(50_000, 50_000, zlib.compress(bytes(1_000)))), "too_many_pixels"),
    Case("png of 36 megapixels in 35 KB", _image(black_png(6_000, 6_000)), "too_many_pixels"),
    Case("jpeg of 4 gigapixels", _image(resized_jpeg(JPEG, 65_500, 65_500)), "too_many_pixels"),
    Case("jpeg of 25 megapixels in 3 KB", _image(resized_jpeg(JPEG, 5_000, 5_000)), "too_many_pixels"),
    Case("webp of 268 megapixels", _image(WEBP[:26] + b"\xff\x3f\xff\x3f" + WEBP[30:]), "too_many_pixels"),
    Case("jpeg of 5,000 scans", _image(_many_scans()), "corrupt"),
    Case("text of 30 MB inside a png", _image(with_png_chunk(PNG, png_chunk(b"zTXt", b"a\0\0" + BOMB))), "stored"),
    Case(
        "colour profile of 30 MB inside a png",
        _image(with_png_chunk(PNG, png_chunk(b"iCCP", b"a\0\0" + ZEROS))),
        "corrupt",
    ),
    Case("moving png", _image(_frames("PNG")), "animated"),
    Case("moving webp", _image(_frames("WEBP")), "animated"),
    Case("gzip said in the header", reply(gzip.compress(PNG), "Content-Encoding: gzip"), "encoded"),
    Case("gzip bomb", reply(BOMB, "Content-Encoding: gzip"), "encoded"),
    Case("brotli", reply(PNG, "Content-Encoding: br"), "encoded"),
    Case("two encodings", reply(PNG, "Content-Encoding: identity, deflate"), "encoded"),
    Case("too long and says so", reply(b"", length=10**12), "too_large"),
    Case("too long by one byte", _image(PNG + bytes(MAX_BYTES + 1 - len(PNG))), "too_large"),
    Case("endless", _endless, "too_large"),
    Case("endless in chunks", _endless_chunks, "too_large"),
    # servers that misbehave
    Case("endless headers", _endless_headers, "connection"),
    Case("endless 100 Continue", _endless_continue, "timeout"),
    Case("one header of 100 KB", reply(PNG, "X-Long: " + "a" * 100_000), "connection"),
    Case("drip", _drip, "timeout"),
    Case("silent after headers", _silent_after_headers, "timeout"),
    Case("silent", _silent, "timeout"),
    Case("reset at once", _reset_at_once, "connection"),
    Case("reset in the middle", _reset_in_the_middle, "connection"),
    Case("closed at once", _close_at_once, "connection"),
    Case("not HTTP", _garbage, "connection"),
    Case("chunks of no length", _bad_chunk, "connection"),
    # statuses
    Case("403", reply(b"<Error>Request has expired</Error>", status="403 Forbidden"), "url_expired"),
    Case("404", reply(status="404 Not Found"), "url_expired"),
    Case("410", reply(status="410 Gone"), "url_expired"),
    Case("429", reply(status="429 Too Many Requests"), "bad_status"),
    Case("500", reply(status="500 Internal Server Error"), "bad_status"),
    Case("204", b"HTTP/1.1 204 No Content\r\n\r\n", "bad_status"),
    Case("206", _image(PNG).replace(b"200 OK", b"206 Partial Content"), "bad_status"),
    Case("304", b"HTTP/1.1 304 Not Modified\r\n\r\n", "bad_status"),
    Case("302 to nowhere", reply(status="302 Found"), "bad_status"),
    # two files in one: what follows the picture is cut off
    Case("png and a zip", _image(PNG + b"PK\x03\x04" + bytes(50)), "stored"),
    Case("jpeg and a page", _image(JPEG + HTML), "stored"),
    Case("webp and a script", _image(WEBP + b"<script>alert(1)</script>"), "stored"),
    Case("png called text/html", reply(PNG, "Content-Type: text/html"), "stored"),
    Case(
        "picture in chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(PNG), PNG),
        "stored",
    ),
    Case("identity encoding", reply(PNG, "Content-Encoding: identity"), "stored"),
)
GOOD = _image(encode(Image.new("RGB", (40, 30), "teal"), "PNG"))
