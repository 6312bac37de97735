"""Domain values as JSON text, for columns that are only ever read back whole.

Amounts are integer micro-dollars, decimals strings, times ISO 8601: what comes back equals what
went in. Text written by an older version must stay readable: a field that is added later is read
with a default here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.forecasts import Forecast
from bot.domain.images import Image
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Sort, Wish
from bot.domain.rentals import Address


def wish_text(wish: Wish) -> str:
    return _text(
        {
            "gpu": wish.gpu,
            "max_price": wish.max_price.micros if wish.max_price is not None else None,
            "min_vram_gb": wish.min_vram_gb,
            "gpus": wish.gpus,
            "disk_gb": wish.disk_gb,
            "region": wish.region,
            "sort": wish.sort.value,
            "offer_id": wish.offer_id,
        }
    )


def wish_of(text: str) -> Wish:
    data = json.loads(text)
    return Wish(
        gpu=data["gpu"],
        max_price=Usd(data["max_price"]) if data["max_price"] is not None else None,
        min_vram_gb=data["min_vram_gb"],
        gpus=data["gpus"],
        disk_gb=data["disk_gb"],
        region=data["region"],
        sort=Sort(data["sort"]),
        offer_id=data["offer_id"],
    )


def image_text(image: Image) -> str:
    return _text(
        {
            "name": image.name,
            "reference": image.reference,
            "note": image.note,
            "max_compute_cap": image.max_compute_cap,
            "course": image.course,
            "packages": list(image.packages),
        }
    )


def image_of(text: str) -> Image:
    data = json.loads(text)
    return Image(
        name=data["name"],
        reference=data["reference"],
        note=data["note"],
        max_compute_cap=data["max_compute_cap"],
        course=data["course"],
        packages=tuple(data["packages"]),
    )


def offer_text(offer: Offer) -> str:
    until = offer.available_until
    return _text(
        {
            "id": offer.id,
            "machine_id": offer.machine_id,
            "host_id": offer.host_id,
            "gpu_name": offer.gpu_name,
            "gpus": offer.gpus,
            "vram_mb": offer.vram_mb,
            "rates": _rates(offer.rates),
            "disk_free_gb": offer.disk_free_gb,
            "cpu_cores": str(offer.cpu_cores),
            "ram_mb": offer.ram_mb,
            "upload_mbps": str(offer.upload_mbps),
            "download_mbps": str(offer.download_mbps),
            "reliability": str(offer.reliability),
            "dlperf": str(offer.dlperf),
            "region": offer.region,
            "compute_cap": offer.compute_cap,
            "available_until": until.isoformat() if until is not None else None,
            "verified": offer.verified,
            "datacenter": offer.datacenter,
        }
    )


def offer_of(text: str) -> Offer:
    data = json.loads(text)
    until = data["available_until"]
    return Offer(
        id=data["id"],
        machine_id=data["machine_id"],
        host_id=data["host_id"],
        gpu_name=data["gpu_name"],
        gpus=data["gpus"],
        vram_mb=data["vram_mb"],
        rates=_rates_of(data["rates"]),
        disk_free_gb=data["disk_free_gb"],
        cpu_cores=Decimal(data["cpu_cores"]),
        ram_mb=data["ram_mb"],
        upload_mbps=Decimal(data["upload_mbps"]),
        download_mbps=Decimal(data["download_mbps"]),
        reliability=Decimal(data["reliability"]),
        dlperf=Decimal(data["dlperf"]),
        region=data["region"],
        compute_cap=data["compute_cap"],
        available_until=datetime.fromisoformat(until) if until is not None else None,
        verified=data["verified"],
        datacenter=data["datacenter"],
    )


def rates_text(rates: Rates) -> str:
    return _text(_rates(rates))


def rates_of(text: str) -> Rates:
    return _rates_of(json.loads(text))


def forecast_text(forecast: Forecast) -> str:
    return _text(
        {
            "bytes": forecast.bytes,
            "disk_gb": forecast.disk_gb,
            "takes_s": round(forecast.takes.total_seconds()),
            "download": forecast.download.micros,
            "upload": forecast.upload.micros,
            "meanwhile": forecast.meanwhile.micros,
        }
    )


def forecast_of(text: str) -> Forecast:
    data = json.loads(text)
    return Forecast(
        bytes=data["bytes"],
        disk_gb=data["disk_gb"],
        takes=timedelta(seconds=data["takes_s"]),
        download=Usd(data["download"]),
        upload=Usd(data["upload"]),
        meanwhile=Usd(data["meanwhile"]),
    )


def addresses_text(addresses: Iterable[Address]) -> str:
    return _text([[address.host, address.port] for address in addresses])


def addresses_of(text: str) -> tuple[Address, ...]:
    return tuple(Address(host, port) for host, port in json.loads(text))


def numbers_text(numbers: Iterable[int]) -> str:
    return _text(list(numbers))


def numbers_of(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def _rates(rates: Rates) -> dict[str, int]:
    return {
        "gpu_per_hour": rates.gpu_per_hour.micros,
        "storage_per_gb_month": rates.storage_per_gb_month.micros,
        "upload_per_gb": rates.upload_per_gb.micros,
        "download_per_gb": rates.download_per_gb.micros,
    }


def _rates_of(data: dict[str, int]) -> Rates:
    return Rates(
        gpu_per_hour=Usd(data["gpu_per_hour"]),
        storage_per_gb_month=Usd(data["storage_per_gb_month"]),
        upload_per_gb=Usd(data["upload_per_gb"]),
        download_per_gb=Usd(data["download_per_gb"]),
    )


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
