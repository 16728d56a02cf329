"""The words for each fact. Earlier words of a list are the usual ones; repeated words are chosen more often."""

THING_WORDS = {
    "sailboat": ["sailboat", "sailboat", "boat", "sailing boat", "ship", "yacht", "sailing ship"],
    "house": ["house", "house", "cottage", "home", "cabin", "hut", "little house"],
    "tree": ["tree", "tree", "big tree", "lone tree", "oak", "maple tree"],
    "balloon": ["balloon", "balloon", "hot air balloon", "hot-air balloon"],
    "rocket": ["rocket", "rocket", "spaceship", "rocket ship", "spacecraft"],
    "lighthouse": ["lighthouse", "lighthouse", "light house", "beacon"],
    "castle": ["castle", "castle", "palace", "fortress", "fairytale castle"],
    "car": ["car", "car", "sports car", "automobile", "vehicle", "taxi"],
    "cactus": ["cactus", "cactus", "saguaro", "saguaro cactus"],
    "flower": ["flower", "flower", "blossom", "daisy", "giant flower"],
    "cat": ["cat", "cat", "kitten", "kitty", "sitting cat"],
    "windmill": ["windmill", "windmill", "mill", "old windmill"],
    "fish": ["fish", "fish", "fish", "goldfish", "jumping fish"],
    "bird": ["bird", "bird", "flying bird", "seagull", "parrot"],
    "bridge": ["bridge", "bridge", "suspension bridge", "big bridge"],
    "circle": ["circle", "circle", "ball", "sphere", "disc"],
    "square": ["square", "square", "cube", "box", "block"],
    "triangle": ["triangle", "triangle", "pyramid"],
    "star": ["star", "star", "star shape", "five-pointed star"],
}
PLURALS = {
    "cactus": "cacti", "saguaro cactus": "saguaro cacti", "fish": "fish", "goldfish": "goldfish", "jumping fish": "jumping fish", "daisy": "daisies",
    "kitty": "kitties", "box": "boxes", "spacecraft": "spacecraft", "fortress": "fortresses",
}

COLOUR_WORDS = {
    "red": ["red", "red", "red", "crimson", "scarlet"],
    "orange": ["orange"],
    "yellow": ["yellow", "yellow", "yellow", "golden"],
    "green": ["green", "green", "green", "emerald"],
    "blue": ["blue", "blue", "blue", "azure"],
    "purple": ["purple", "purple", "violet"],
    "pink": ["pink", "pink", "pink", "rose"],
    "white": ["white"],
    "black": ["black", "black", "dark"],
}
COUNT_WORDS = {2: ["two", "two", "2", "a pair of"], 3: ["three", "three", "3"]}
SIZE_WORDS = {"small": ["small", "small", "tiny", "little"], "large": ["big", "huge", "large", "giant"]}
PLACE_WORDS = {"left": ["on the left", "on the left side", "to the left"], "right": ["on the right", "on the right side", "to the right"]}

GROUND_WORDS = {
    "sea": ["on the sea", "on the sea", "on the ocean", "by the sea", "at sea", "sea", "ocean", "over the sea", "in the sea", "on the waves"],
    "desert": ["in the desert", "in the desert", "on the sand", "on sand dunes", "in a desert", "desert", "over the desert"],
    "meadow": ["on a meadow", "in a meadow", "on the grass", "in a field", "in a green field", "meadow", "on green grass", "over a meadow"],
    "snow": ["in the snow", "in the snow", "in winter", "on snow", "winter landscape", "snow", "snowy", "in a snowy landscape"],
    "street": ["on a wet street", "on wet streets", "on the street", "on the road", "wet street", "street in the rain", "on a road",
               "on a wet city street", "in the street"],
    "lake": ["on a lake", "by a lake", "by the lake", "lake", "on a calm lake", "at the lake", "over a lake", "lake with reflections"],
}

SKY_WORDS = {
    "day": ["at noon", "on a sunny day", "by day", "sunny", "blue sky", "in daylight", "day", "under a blue sky"],
    "sunset": ["at sunset", "at sunset", "at dusk", "sunset", "in the evening", "evening light", "golden hour"],
    "dawn": ["at dawn", "at dawn", "at sunrise", "in the morning", "dawn", "early morning", "sunrise"],
    "night": ["at night", "at night", "under the stars", "starry night", "night", "under the moon", "moonlight", "midnight", "night sky"],
    "storm": ["in a storm", "storm", "stormy", "stormy weather", "thunderstorm", "lightning", "dark clouds", "in the rain"],
    "aurora": ["under the aurora", "aurora", "northern lights", "under the northern lights", "aurora borealis", "polar lights"],
}

BACKGROUND_WORDS = {
    "mountains": ["in front of mountains", "mountains in the background", "mountains", "over mountains", "snowy mountains", "in the mountains",
                  "with mountains"],
    "hills": ["in front of hills", "hills in the background", "rolling hills", "hills", "among hills", "over hills", "with hills"],
    "skyline": ["in front of a city", "city skyline", "in the city", "city", "skyscrapers", "city in the background", "over a city", "downtown"],
    "forest": ["in front of a forest", "forest", "in the forest", "pine forest", "woods", "forest in the background", "over a forest"],
}

STYLE_WORDS = {
    "neon": ["neon", "neon lights", "cyberpunk", "neon style", "cyberpunk style", "neon glow", "in neon lights", "glowing neon"],
    "synthwave": ["synthwave", "retrowave", "vaporwave", "synthwave style", "outrun", "80s synthwave", "vaporwave style"],
    "watercolour": ["watercolour", "watercolor", "watercolor painting", "in watercolour", "watercolour style", "aquarelle"],
    "pixel art": ["pixel art", "pixel art", "8-bit", "pixelated", "as pixel art", "pixel art style", "retro game pixel art"],
    "oil": ["oil painting", "oil painting", "oil on canvas", "as an oil painting", "impressionist oil painting", "in oil"],
    "sketch": ["sketch", "pencil sketch", "pencil drawing", "line drawing", "as a sketch", "hand-drawn sketch", "drawing"],
}
STYLE_PREFIXES = {
    "neon": ["neon", "cyberpunk", "a neon picture of", "glowing neon"],
    "synthwave": ["synthwave", "vaporwave", "retrowave", "a synthwave picture of"],
    "watercolour": ["watercolour of", "a watercolor painting of", "watercolor", "a watercolour of"],
    "pixel art": ["pixel art of", "pixel art", "8-bit", "pixelated"],
    "oil": ["an oil painting of", "oil painting of", "oil painting,", "a painting in oil of"],
    "sketch": ["a sketch of", "pencil sketch of", "a pencil drawing of", "line drawing of"],
}
NEON_STREET_WORDS = ["neon lights reflecting on wet streets", "neon reflections on a wet street", "neon lit wet street"]
CITY_WORDS = {
    "plain": ["a city", "city", "a city skyline", "skyscrapers", "a big city", "a town"],
    "neon": ["a cyberpunk city", "cyberpunk city", "a neon city", "a futuristic cyberpunk city", "futuristic city"],
    "synthwave": ["a synthwave city", "synthwave city", "a vaporwave city", "retrowave city"],
}

OPENINGS = ["a picture of", "an image of", "a view of", "draw", "imagine", "a scene with", "please draw", "picture of"]
LANDSCAPES = ["landscape", "a landscape", "scenery", "a view", "a scene", "a picture"]

# Words that people add and that this model's pictures do not depend on.
FILLER = ["highly detailed", "beautiful", "4k", "digital art", "concept art", "cinematic", "masterpiece", "art", "trending on artstation",
          "wallpaper", "dramatic lighting", "high quality", "8k", "stunning", "epic", "very detailed"]
FLAT_FILLER = ["vector art", "illustration", "flat design", "minimalist", "flat illustration", "flat style"]
