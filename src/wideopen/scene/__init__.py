"""Scene: what stands where in a photo, and where to focus."""

from wideopen.scene.focus import Focus as Focus
from wideopen.scene.focus import FocusRange as FocusRange
from wideopen.scene.focus import FocusSpan as FocusSpan
from wideopen.scene.scene import Scene as Scene
from wideopen.scene.scene import focus_on as focus_on
from wideopen.scene.scene import look as look
