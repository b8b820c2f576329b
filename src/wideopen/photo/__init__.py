"""Photos: reading, writing, colour, and the lens that took them."""

from wideopen.photo.camera import lens_of as lens_of
from wideopen.photo.photo import Photo as Photo
from wideopen.photo.read import read as read
from wideopen.photo.write import write as write
