"""ClickBench's table `hits`, made: see bench/README.md for what it has in common with the real one."""
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PART_ROWS = 1_000_000
COUNTERS = 6500
COUNTER = 62            # the site that queries 36 to 42 look at
COUNTER_SHARE = 0.0074
USER = 435090932899640449               # query 19
REFERER_HASH = 3594120000172545465      # query 40
URL_HASH = 2868770270353813622          # query 41
FIRST_DAY = 15887       # 2013-07-01
INT16, INT32, INT64, TEXT = pa.int16(), pa.int32(), pa.int64(), pa.string()
STAMP = pa.timestamp("us")

SCHEMA = pa.schema([
    ("WatchID", INT64), ("JavaEnable", INT16), ("Title", TEXT), ("GoodEvent", INT16), ("EventTime", STAMP),
    ("EventDate", pa.date32()), ("CounterID", INT32), ("ClientIP", INT32), ("RegionID", INT32),
    ("UserID", INT64), ("CounterClass", INT16), ("OS", INT16), ("UserAgent", INT16), ("URL", TEXT),
    ("Referer", TEXT), ("IsRefresh", INT16), ("RefererCategoryID", INT16), ("RefererRegionID", INT32),
    ("URLCategoryID", INT16), ("URLRegionID", INT32), ("ResolutionWidth", INT16), ("ResolutionHeight", INT16),
    ("ResolutionDepth", INT16), ("FlashMajor", INT16), ("FlashMinor", INT16), ("FlashMinor2", TEXT),
    ("NetMajor", INT16), ("NetMinor", INT16), ("UserAgentMajor", INT16), ("UserAgentMinor", TEXT),
    ("CookieEnable", INT16), ("JavascriptEnable", INT16), ("IsMobile", INT16), ("MobilePhone", INT16),
    ("MobilePhoneModel", TEXT), ("Params", TEXT), ("IPNetworkID", INT32), ("TraficSourceID", INT16),
    ("SearchEngineID", INT16), ("SearchPhrase", TEXT), ("AdvEngineID", INT16), ("IsArtifical", INT16),
    ("WindowClientWidth", INT16), ("WindowClientHeight", INT16), ("ClientTimeZone", INT16),
    ("ClientEventTime", STAMP), ("SilverlightVersion1", INT16), ("SilverlightVersion2", INT16),
    ("SilverlightVersion3", INT32), ("SilverlightVersion4", INT16), ("PageCharset", TEXT),
    ("CodeVersion", INT32), ("IsLink", INT16), ("IsDownload", INT16), ("IsNotBounce", INT16),
    ("FUniqID", INT64), ("OriginalURL", TEXT), ("HID", INT32), ("IsOldCounter", INT16), ("IsEvent", INT16),
    ("IsParameter", INT16), ("DontCountHits", INT16), ("WithHash", INT16), ("HitColor", TEXT),
    ("LocalEventTime", STAMP), ("Age", INT16), ("Sex", INT16), ("Income", INT16), ("Interests", INT16),
    ("Robotness", INT16), ("RemoteIP", INT32), ("WindowName", INT32), ("OpenerName", INT32),
    ("HistoryLength", INT16), ("BrowserLanguage", TEXT), ("BrowserCountry", TEXT), ("SocialNetwork", TEXT),
    ("SocialAction", TEXT), ("HTTPError", INT16), ("SendTiming", INT32), ("DNSTiming", INT32),
    ("ConnectTiming", INT32), ("ResponseStartTiming", INT32), ("ResponseEndTiming", INT32),
    ("FetchTiming", INT32), ("SocialSourceNetworkID", INT16), ("SocialSourcePage", TEXT),
    ("ParamPrice", INT64), ("ParamOrderID", TEXT), ("ParamCurrency", TEXT), ("ParamCurrencyID", INT16),
    ("OpenstatServiceName", TEXT), ("OpenstatCampaignID", TEXT), ("OpenstatAdID", TEXT),
    ("OpenstatSourceID", TEXT), ("UTMSource", TEXT), ("UTMMedium", TEXT), ("UTMCampaign", TEXT),
    ("UTMContent", TEXT), ("UTMTerm", TEXT), ("FromTag", TEXT), ("HasGCLID", INT16), ("RefererHash", INT64),
    ("URLHash", INT64), ("CLID", INT32)])


def mix(values):
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def zipf(rng, count, distinct, exponent=1.0):
    """Ranks 0 to distinct - 1, rank r with a weight of 1 / (r + 1) ** exponent."""
    weights = 1.0 / np.arange(1, distinct + 1) ** exponent
    return np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count)).clip(0, distinct - 1)


def join(separator, *parts):
    return pc.binary_join_element_wise(*parts, separator)


def words(rng, count, syllables):
    made = ["".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(count)]
    return pa.array(made)


LATIN = ["ba", "ro", "mi", "lek", "san", "tu", "ve", "dor", "pi", "nal", "ko", "zer", "ga", "shi", "fo"]
CYRILLIC = ["ка", "ро", "ми", "лен", "сан", "ту", "ве", "дор", "пи", "нал", "ко", "зер", "га", "ши", "фо"]


def domains(rng):
    ends = rng.choice(["ru", "com", "ru", "net", "ru", "ua"], 20_000)
    return pa.array([f"{'www.' if x % 4 == 0 else ''}{''.join(rng.choice(LATIN, 3))}{x}.{end}"
                     for x, end in enumerate(ends)])


def urls(rng, count, hosts, marked_share, mark):
    """Distinct URLs of about 75 bytes; of a share of them the last word of the path holds the mark."""
    vocabulary = words(rng, 2000, LATIN)
    pick = lambda: vocabulary.take(rng.integers(0, len(vocabulary), count))
    number = pc.cast(pa.array(mix(np.arange(count)) >> np.uint64(24)), TEXT)
    host = hosts.take(zipf(rng, count, len(hosts), 0.9))
    marked = pc.if_else(pa.array(rng.random(count) < marked_share), mark, "item")
    path = join("/", pa.scalar("http:/"), host, pick(), pick(), join("-", marked, pick()))
    return join("", path, pa.scalar("?id="), number, pa.scalar("&from="), pick())


def phrases(rng, count, least, most):
    """Texts of Cyrillic words, least to most of them, two bytes a letter."""
    vocabulary = words(rng, 5000, CYRILLIC)
    wanted = rng.integers(least, most + 1, count)
    blank = pa.scalar("", TEXT)
    parts = []
    for place in range(most):
        word = vocabulary.take(rng.integers(0, len(vocabulary), count))
        spaced = word if place == 0 else join("", pa.scalar(" "), word)
        parts.append(pc.if_else(pa.array(place < wanted), spaced, blank))
    return join("", *parts)


def some(rng, count, values, share):
    """Texts: one of the values for the share, evenly, empty otherwise."""
    pool = pa.array(["", *values])
    index = rng.integers(1, len(pool), count)
    return pool.take(np.where(rng.random(count) < share, index, 0))


class Pools:
    """What the parts of one table share: texts, and how the URLs belong to the sites."""

    def __init__(self, rows, rng):
        hosts = domains(rng)
        self.urls = urls(rng, max(1000, rows * 3 // 10), hosts, 0.0004, "google")
        mail = pc.if_else(pa.array(rng.random(len(self.urls)) < 0.0002),
                          join("", pa.scalar("http://mail.google.com/"), self.urls), self.urls)
        self.urls = mail
        titles = phrases(rng, max(1000, rows // 10), 4, 9)
        self.titles = pc.if_else(pa.array(rng.random(len(titles)) < 0.002),
                                 join("", titles, pa.scalar(" - Google")), titles)
        self.referers = urls(rng, max(1000, rows // 4), hosts, 0.0004, "google")
        self.phrases = phrases(rng, max(1000, rows * 15 // 100), 1, 5)
        self.users = max(1000, rows // 5)
        weights = 1.0 / np.arange(1, COUNTERS + 1)
        weights *= (1 - COUNTER_SHARE) / weights.sum()
        self.shares = np.concatenate([weights, [COUNTER_SHARE]])
        ids = 100 + mix(np.arange(COUNTERS)) % np.uint64(250_000)
        self.counters = np.concatenate([ids, [COUNTER]]).astype(np.int32)
        self.url_starts = np.concatenate([[0], np.cumsum(self.shares)])


def part(rows, rng, pools):
    """The columns of one sorted part, as a merge tree would keep it: by site, day, user, time."""
    site = np.searchsorted(np.cumsum(pools.shares), rng.random(rows)).clip(0, COUNTERS)
    day = rng.integers(0, 31, rows)
    user = (pools.users * rng.random(rows) ** 2).astype(np.int64)
    second = rng.integers(0, 86_400, rows)
    order = np.lexsort((second, user, day, pools.counters[site]))
    site, day, user, second = site[order], day[order], user[order], second[order]
    ours = site == COUNTERS
    named = columns_of_visit(rows, rng, pools, ours, site, user)
    named |= columns_of_client(rows, rng, user)
    stamp = (FIRST_DAY + day) * 86_400 + second
    user_id = (mix(user) >> np.uint64(1)).astype(np.int64)
    user_id[rng.random(rows) < 4e-7] = USER
    named |= {"WatchID": rng.integers(1 << 62, (1 << 63) - 1, rows), "EventTime": stamp * 1_000_000,
              "EventDate": (FIRST_DAY + day).astype(np.int32), "CounterID": pools.counters[site],
              "UserID": user_id, "ClientEventTime": (stamp + rng.integers(-9000, 9000, rows)) * 1_000_000,
              "LocalEventTime": (stamp + 14_400) * 1_000_000}
    return pa.record_batch([column(named.get(field.name), field, rows, rng) for field in SCHEMA],
                           schema=SCHEMA)


def column(values, field, rows, rng):
    if values is None:
        return filler(field, rows, rng)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    array = pa.array(values)
    return array.view(field.type) if field.type == STAMP else array.cast(field.type)


# Columns that the queries only pass on (SELECT *): mostly zero or empty, as in the real table.
BUSY = {"FUniqID": 1 << 60, "HID": 1 << 30, "RemoteIP": 1 << 31, "WindowName": 20_000, "OpenerName": 20_000,
        "IPNetworkID": 3_000_000, "RefererRegionID": 500, "URLRegionID": 500, "RefererCategoryID": 10_000,
        "URLCategoryID": 10_000, "UserAgentMajor": 30, "ResponseStartTiming": 3000, "ResponseEndTiming": 3000,
        "ConnectTiming": 500, "FetchTiming": 2000, "CodeVersion": 1500, "Interests": 16_000, "Age": 60, "OS": 60,
        "UserAgent": 80, "FlashMajor": 12, "FlashMinor": 3, "ClientTimeZone": 12, "HistoryLength": 30,
        "SilverlightVersion1": 6, "SilverlightVersion3": 60_000}


def filler(field, rows, rng):
    if field.type == TEXT:
        return some(rng, rows, [f"{field.name.lower()}{x}" for x in range(40)], 0.01)
    if field.name in BUSY:
        return pa.array(rng.integers(0, BUSY[field.name], rows)).cast(field.type)
    if field.name.startswith(("Is", "Java", "Cookie", "Good", "Sex", "Income", "CounterClass", "With")):
        return pa.array(rng.integers(0, 2, rows, dtype=np.int16)).cast(field.type)
    return pa.array(np.zeros(rows, np.int16)).cast(field.type)


def columns_of_visit(rows, rng, pools, ours, site, user):
    """Pages, referers and searches; ours: the rows of the site that queries 36 to 42 look at."""
    starts, count = pools.url_starts * len(pools.urls), len(pools.urls)
    width = starts[site + 1] - starts[site]
    url = (starts[site] + width * rng.random(rows) ** 3).astype(np.int64).clip(0, count - 1)
    fixed_url = ours & (rng.random(rows) < 0.3)
    url[fixed_url] = int(starts[COUNTERS])
    referer = (len(pools.referers) * rng.random(rows) ** 2).astype(np.int64).clip(0, len(pools.referers) - 1)
    fixed_referer = ours & (rng.random(rows) < 0.05)
    referer[fixed_referer] = 7
    url_hash, referer_hash = mix(url).view(np.int64), mix(referer + (1 << 40)).view(np.int64)
    url_hash[fixed_url], referer_hash[fixed_referer] = URL_HASH, REFERER_HASH
    searched = rng.random(rows) < 0.132
    rank = np.where(rng.random(rows) < 0.3, zipf(rng, rows, 20_000), rng.integers(0, len(pools.phrases), rows))
    empty = pa.scalar("", TEXT)
    texts = pools.urls.take(pa.array(url))
    source = np.where(fixed_referer, rng.choice([-1, 6, 1], rows), rng.choice([-1, 0, 1, 2, 3, 4, 5, 6], rows))
    engine = np.where(searched, np.array([2, 2, 2, 3, 13, 4, 11, 22, 9, 1])[zipf(rng, rows, 10, 0.8)], 0)
    return {
        "URL": pc.if_else(pa.array(rng.random(rows) < 0.002), empty, texts),
        "Title": pc.if_else(pa.array(rng.random(rows) < 0.15), empty,
                            pools.titles.take(pa.array(url // 3 % len(pools.titles)))),
        "Referer": pc.if_else(pa.array((rng.random(rows) < 0.19) & ~fixed_referer), empty,
                              pools.referers.take(pa.array(referer))),
        "OriginalURL": pc.if_else(pa.array(rng.random(rows) < 0.7), empty, texts),
        "SearchPhrase": pc.if_else(pa.array(searched), pools.phrases.take(pa.array(rank % len(pools.phrases))),
                                   empty),
        "URLHash": url_hash, "RefererHash": referer_hash, "SearchEngineID": engine, "TraficSourceID": source,
        "AdvEngineID": np.where(rng.random(rows) < 0.0063, 2 + zipf(rng, rows, 18) * 3, 0),
        "IsRefresh": rng.random(rows) < 0.16, "DontCountHits": rng.random(rows) < 0.1,
        "IsLink": rng.random(rows) < 0.08, "IsDownload": rng.random(rows) < 0.01,
        "PageCharset": some(rng, rows, ["windows-1251;charset", "utf-8", "windows"], 0.9)}


def columns_of_client(rows, rng, user):
    """What depends on who looks: address, region, screen, telephone."""
    who = mix(user + (1 << 50))
    moved = rng.random(rows) < 0.1
    address = np.where(moved, rng.integers(0, 1 << 32, rows, dtype=np.uint64), who >> np.uint64(32))
    regions = zipf(np.random.default_rng(9), 100_000, 9000, 1.1)
    screen = np.array([[1366, 768], [1280, 1024], [1920, 1080], [1024, 768], [1440, 900], [1600, 900],
                       [1680, 1050], [0, 0], [320, 480], [2560, 1440]])[(who >> np.uint64(8)) % np.uint64(10)]
    phone = (who >> np.uint64(20)) % np.uint64(1000) < np.uint64(55)
    models = pa.array(["", *(f"{maker}{x}" for maker in ("iPad", "iPhone", "GT-I", "Lumia ", "HTC ") for x in
                             range(33))])
    rank = 1 + ((who >> np.uint64(30)) % np.uint64(40_000)).astype(np.int64) ** 2 // 9_700_000
    return {
        "ClientIP": address.astype(np.uint32).view(np.int32),
        "RegionID": regions[(who % np.uint64(100_000)).astype(np.int64)],
        "ResolutionWidth": screen[:, 0], "ResolutionHeight": screen[:, 1],
        "WindowClientWidth": np.maximum(screen[:, 0] - rng.integers(0, 900, rows), 0),
        "WindowClientHeight": np.maximum(screen[:, 1] - rng.integers(0, 600, rows), 0),
        "IsMobile": phone, "MobilePhone": np.where(phone, rank % 80, 0),
        "MobilePhoneModel": models.take(pa.array(np.where(phone, rank.clip(1, 165), 0))),
        "UserAgentMinor": some(rng, rows, ["D", "0", "7", "D7", "b1", "4O"], 0.97),
        "HitColor": some(rng, rows, list("5gTFEDCS"), 1.0),
        "BrowserLanguage": some(rng, rows, ["ru", "en", "uk", "de"], 0.99),
        "BrowserCountry": some(rng, rows, ["RU", "US", "UA", "DE"], 0.99)}


def batches(rows, rng, batch_rows):
    pools = Pools(rows, rng)
    for start in range(0, rows, PART_ROWS):
        whole = part(min(PART_ROWS, rows - start), rng, pools)
        for row in range(0, whole.num_rows, batch_rows):
            yield whole.slice(row, batch_rows)
