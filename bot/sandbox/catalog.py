"""What the simulated market has for rent: GPU models, regions, and offers drawn from a seed.

Prices lie in the range such machines had on Vast in 2026. The first offer is always the machine of
the tutorial "FastAI on VastAI": $0.297 an hour, $0.49968 a GB and month, $0.02 a GB of transfer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.sandbox.offers import Model, Offer

DEFAULT_OFFERS = 160

MODELS = (
    Model("GTX 1080 Ti", 11264, 610, 11.3, 12.1, 484.0, 250, 55, 90),
    Model("RTX 2080 Ti", 11264, 750, 13.4, 18.4, 616.0, 250, 75, 120),
    Model("Tesla T4", 15360, 750, 8.1, 11.9, 320.0, 70, 100, 160),
    Model("Tesla V100", 16384, 700, 15.7, 21.8, 897.0, 300, 130, 220),
    Model("RTX 3060", 12288, 860, 12.7, 13.9, 360.0, 170, 55, 90),
    Model("RTX 3080", 10240, 860, 29.8, 29.7, 760.0, 320, 90, 140),
    Model("RTX 3090", 24576, 860, 35.6, 41.8, 936.0, 350, 140, 240),
    Model("RTX A4000", 16376, 860, 19.2, 24.6, 448.0, 140, 110, 170),
    Model("RTX A5000", 24564, 860, 27.8, 32.4, 768.0, 230, 190, 330),
    Model("RTX A6000", 49140, 860, 38.7, 43.2, 768.0, 300, 380, 520),
    Model("A40", 46068, 860, 37.4, 39.8, 696.0, 300, 330, 470),
    Model("RTX 4070S Ti", 16376, 890, 44.1, 49.6, 672.0, 285, 120, 190),
    Model("RTX 4080", 16376, 890, 48.7, 60.3, 716.0, 320, 170, 260),
    Model("RTX 4090", 24564, 890, 82.6, 104.9, 1008.0, 450, 290, 460),
    Model("L4", 23034, 890, 30.3, 35.7, 300.0, 72, 280, 400),
    Model("L40S", 46068, 890, 91.6, 99.8, 864.0, 350, 560, 880),
    Model("RTX 6000Ada", 49140, 890, 91.1, 98.7, 960.0, 300, 580, 850),
    Model("A100 PCIE", 40960, 800, 19.5, 60.2, 1555.0, 250, 620, 860),
    Model("A100 SXM4", 81920, 800, 19.5, 75.4, 2039.0, 400, 850, 1300),
    Model("H100 PCIE", 81559, 900, 51.2, 178.3, 2039.0, 350, 1700, 2200),
    Model("H100 SXM", 81559, 900, 66.9, 231.6, 3352.0, 700, 1900, 2700),
    Model("H200", 143771, 900, 66.9, 262.0, 4800.0, 700, 2300, 3300),
    Model("RTX 5080", 16303, 1200, 56.3, 88.1, 960.0, 360, 220, 340),
    Model("RTX 5090", 32607, 1200, 104.8, 171.4, 1792.0, 575, 380, 620),
    Model("RTX PRO 6000 WS", 97887, 1200, 126.0, 205.3, 1792.0, 600, 950, 1500),
    Model("B200", 183359, 1000, 80.0, 402.5, 8000.0, 1000, 3200, 4500),
)

REGIONS = (
    "Sweden, SE",
    "Norway, NO",
    "Germany, DE",
    "France, FR",
    "Poland, PL",
    "Spain, ES",
    "United Kingdom, GB",
    "Washington, US",
    "Texas, US",
    "California, US",
    "Quebec, CA",
    "Japan, JP",
    "South Korea, KR",
    "Taiwan, TW",
    "Guangxi, CN",
    "Australia, AU",
)

# How the GPUs of a machine are split into offers; the parts never overlap.
_SPLITS = ((1,), (1,), (1,), (1, 1), (2,), (2, 1, 1), (4,), (8,), (4, 2, 1, 1))
_DRIVERS = (("535.183.01", 12.2), ("550.54.15", 12.4), ("565.77.01", 12.7), ("580.95.05", 13.0))
_NEWEST = _DRIVERS[-1]
_CPUS = (
    ("Xeon® E5-2680 v4", 28),
    ("AMD EPYC 7543 32-Core", 64),
    ("AMD EPYC 7702 64-Core", 128),
    ("AMD Ryzen 9 7950X", 32),
    ("Xeon® Gold 6448Y", 64),
)


def draw_market(seed: int, now: datetime, *, size: int = DEFAULT_OFFERS) -> list[Offer]:
    """At least `size` offers, every model among them; the same ones for the same seed and time."""
    dice = random.Random(seed)
    offers = [_tutorial(now)]
    offers.extend(_machine(dice, now, 13_018, MODELS[8], (1,)))
    machine_id = 13_018
    while len(offers) < size or machine_id - 13_018 < len(MODELS):
        model = MODELS[(machine_id - 13_018) % len(MODELS)]
        machine_id += 1
        offers.extend(_machine(dice, now, machine_id, model, dice.choice(_SPLITS)))
    return offers


def _tutorial(now: datetime) -> Offer:
    return Offer(
        id=6_995_713,
        machine_id=13_017,
        host_id=81_269,
        model=MODELS[8],
        gpus=1,
        machine_gpus=4,
        gpu_rate=297_000,
        storage_rate=499_680,
        upload_rate=20_000,
        download_rate=20_000,
        min_bid=200_000,
        disk_gb=1607,
        cpu_name="Xeon® Silver 4110",
        cpu_cores=32,
        ram_mb=128_576,
        inet_up=480.2,
        inet_down=512.9,
        ports=249,
        address="63.135.50.11",
        region="Sweden, SE",
        reliability=0.9974,
        verified=True,
        datacenter=True,
        driver="550.54.15",
        cuda=12.4,
        starts_at=now - timedelta(days=90),
        ends_at=now + timedelta(days=120),
    )


def _machine(
    dice: random.Random, now: datetime, machine_id: int, model: Model, split: tuple[int, ...]
) -> Iterator[Offer]:
    """The offers of one machine: the same host, network and place, each with its own GPUs."""
    gpus = sum(split)
    cpu_name, cpu_cores = dice.choice(_CPUS)
    driver, cuda = _NEWEST if model.compute_cap >= 1000 else dice.choice(_DRIVERS)
    price = dice.randint(model.cheapest, model.dearest) * 1000 + dice.randint(0, 999)
    transfer = dice.choice((0, 1_300, 2_700, 5_000, 10_000, 20_000))
    verified = dice.random() < 0.85
    host_id = 60_000 + dice.randint(0, 40_000)
    ram_mb = 32_768 * max(2, gpus) * dice.choice((1, 1, 2))
    up, down = round(dice.uniform(80, 900), 1), round(dice.uniform(120, 4000), 1)
    address = f"203.0.113.{dice.randint(1, 254)}"
    region, datacenter = dice.choice(REGIONS), model.watts > 350 or dice.random() < 0.3
    reliability = round(dice.uniform(0.985 if verified else 0.92, 0.9999), 4)
    storage = dice.choice((100_000, 150_000, 200_000, 300_000))
    disk, ports = dice.randint(150, 3200), dice.choice((4, 20, 64, 249))
    ends_at = now + timedelta(days=dice.randint(2, 180))
    for index, part in enumerate(split):
        yield Offer(
            id=machine_id * 600 + index,
            machine_id=machine_id,
            host_id=host_id,
            model=model,
            gpus=part,
            machine_gpus=gpus,
            gpu_rate=price * part,
            storage_rate=storage,
            upload_rate=transfer,
            download_rate=transfer,
            min_bid=price * part * 6 // 10,
            disk_gb=disk * part // gpus + 60,
            cpu_name=cpu_name,
            cpu_cores=cpu_cores,
            ram_mb=ram_mb,
            inet_up=up,
            inet_down=down,
            ports=ports,
            address=address,
            region=region,
            reliability=reliability,
            verified=verified,
            datacenter=datacenter,
            driver=driver,
            cuda=cuda,
            starts_at=now - timedelta(days=30),
            ends_at=ends_at,
        )
