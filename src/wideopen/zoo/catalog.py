"""The ten solutions of the challenge in the order of its Table 1, their variants, and the baseline."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from wideopen.errors import RequestError
from wideopen.zoo.solution import Solution

if TYPE_CHECKING:
    from torch import nn

_DMSHN = "github.com/saikatdutta/Stacked_DMSHN_bokeh"
_D2F = "github.com/xianrui-luo/defocustofocus"
_PYNET = "github.com/aiff22/PyNET-Bokeh"
_CET = "College of Engineering Trivandrum, India"


def solution(name: str) -> Solution:
    """Find a solution by name.

    Raises:
        RequestError: If there is none; it names the nearest.
    """
    for each in SOLUTIONS:
        if each.name == name:
            return each
    near = get_close_matches(name, [each.name for each in SOLUTIONS], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "`wideopen solutions` lists them"
    raise RequestError(f"there is no solution {name!r}; {hint}")


def _airia_bokeh(**switches: bool) -> "nn.Module":
    from wideopen.zoo.bgnet import bg_net

    return bg_net(**switches)


def _aia_smart(**switches: bool) -> "nn.Module":
    from wideopen.zoo.defocusnet import aia_smart

    return aia_smart(**switches)


def _aia_smart_layered(**switches: bool) -> "nn.Module":
    from wideopen.zoo.defocusnet import aia_smart_layered

    return aia_smart_layered(**switches)


def _wavelet(**switches: bool) -> "nn.Module":
    from wideopen.zoo.wavelet import dilated_wavelet_cnn

    return dilated_wavelet_cnn(**switches)


def _dmshn(**switches: bool) -> "nn.Module":
    from wideopen.zoo.dmshn import dmshn

    return dmshn(**switches)


def _stacked_dmshn(**switches: bool) -> "nn.Module":
    from wideopen.zoo.dmshn import stacked_dmshn

    return stacked_dmshn(**switches)


def _dmshn_wm(**switches: bool) -> "nn.Module":
    from wideopen.zoo.dmshn import dmshn_wm

    return dmshn_wm(**switches)


def _dddf(**switches: bool) -> "nn.Module":
    from wideopen.zoo.densefilter import dddf

    return dddf(**switches)


def _strided_unet(**switches: bool) -> "nn.Module":
    from wideopen.zoo.stridedunet import strided_unet

    return strided_unet(**switches)


def _wide_activation(**switches: bool) -> "nn.Module":
    from wideopen.zoo.wideactivation import wide_activation_net

    return wide_activation_net(**switches)


def _pynet(**switches: bool) -> "nn.Module":
    from wideopen.zoo.pynet import pynet

    return pynet(**switches)


SOLUTIONS: tuple[Solution, ...] = (
    Solution(
        name="airia-bokeh",
        build=_airia_bokeh,
        team="Airia-bokeh",
        title="BGNet: Bokeh-Glass Network for Rendering Realistic Bokeh",
        authors=("Ming Qian", "Congyu Qiao", "Jiamin Lin", "Zhenyu Guo", "Chenghua Li", "Cong Leng", "Jian Cheng"),
        affiliation="AiRiA, Chinese Academy of Sciences; MAICRO, China",
        section="4.1",
        parameters=10_352_784,
        multiple_of=8,
        value_range=(-1.0, 1.0),
        evidence="published code",
        source="github.com/qianmingduowan/AIM2020-bokeh-BGNet",
        licence="none stated",
        departures=(
            "widths that are no multiple of 8 are padded by reflection; the authors' last script stretches them",
        ),
        framework="TensorFlow",
        hardware="Nvidia TITAN RTX",
        psnr_db=23.58,
        ssim=0.8770,
        mos=4.2,
    ),
    Solution(
        name="aia-smart",
        build=_aia_smart,
        team="AIA-Smart",
        title="Bokeh Rendering from Defocus Estimation",
        authors=("Juewen Peng", "Xianrui Luo", "Ke Xian", "Zijin Wu", "Zhiguo Cao"),
        affiliation="Huazhong University of Science and Technology, China",
        section="4.2",
        parameters=41_601_031,
        evidence="published code",
        source=_D2F,
        licence="none stated",
        departures=("that this network with six layers was the one of Track 1 is inferred from its speed",),
        framework="PyTorch",
        hardware="GeForce GTX 1080",
        psnr_db=23.56,
        ssim=0.8829,
        mos=3.8,
    ),
    Solution(
        name="aia-smart-layered",
        build=_aia_smart_layered,
        team="AIA-Smart",
        title="Bokeh Rendering from Defocus Estimation, second variant: 15 layers, the sharp part pasted",
        authors=("Juewen Peng", "Xianrui Luo", "Ke Xian", "Zijin Wu", "Zhiguo Cao"),
        affiliation="Huazhong University of Science and Technology, China",
        section="4.2",
        parameters=41_600_866,
        evidence="published code",
        source=_D2F,
        licence="none stated",
        departures=("that this network was the one of Track 2, whose scores stand here, is inferred from its speed",),
        framework="PyTorch",
        hardware="GeForce GTX 1080",
        psnr_db=22.94,
        ssim=0.8842,
        mos=4.0,
    ),
    Solution(
        name="cet-sp",
        build=_wavelet,
        team="CET_SP",
        title="Bokeh Effect using VGG based Wavelet CNN",
        authors=("Hrishikesh P S", "Melvin Kuriakose"),
        affiliation=_CET,
        section="4.3",
        parameters=1_711_260,
        multiple_of=8,
        source="the report; wavelets and dilation pyramid from the authors' code of the same months for another task",
        departures=("widths, number of levels and blocks, and skips are chosen here, near the published runtime",),
        framework="TensorFlow",
        hardware="Nvidia Tesla P100",
        psnr_db=21.91,
        ssim=0.8201,
        mos=3.3,
    ),
    Solution(
        name="cet-cvlab",
        build=_wavelet,
        team="CET_CVLab",
        title="Photorealistic Bokeh Effect Rendering with Dilated Wavelet CNN",
        authors=("Densen Puthussery", "Jiji C V"),
        affiliation=_CET,
        section="4.3",
        parameters=1_711_260,
        multiple_of=8,
        source="the report; wavelets and dilation pyramid from the authors' code of the same months for another task",
        departures=("widths, number of levels and blocks, and skips are chosen here, near the published runtime",),
        framework="TensorFlow",
        hardware="Nvidia Tesla P100",
        psnr_db=23.05,
        ssim=0.8591,
        mos=3.2,
    ),
    Solution(
        name="team-horizon",
        build=_dmshn,
        team="Team Horizon",
        title="Deep Multi-scale Hierarchical Network for Bokeh Effect Rendering",
        authors=("Saikat Dutta", "Sourya Dipta Das", "Nisarg A. Shah"),
        affiliation="IIT Madras; Jadavpur University; IIT Jodhpur, India",
        section="4.4",
        parameters=5_424_393,
        multiple_of=16,
        evidence="published code",
        source=_DMSHN,
        licence="MIT",
        departures=(
            "this is the network that was released; the report, whose scores stand here, describes team-horizon-wm",
            "pictures are padded, and not stretched to 1536x1024",
        ),
        framework="PyTorch",
        hardware="GeForce GTX 1080 Ti",
        psnr_db=23.27,
        ssim=0.8818,
        mos=3.2,
    ),
    Solution(
        name="team-horizon-stacked",
        build=_stacked_dmshn,
        team="Team Horizon",
        title="Stacked Deep Multi-scale Hierarchical Network for Bokeh Effect Rendering",
        authors=("Saikat Dutta", "Sourya Dipta Das", "Nisarg A. Shah", "Anil Kumar Tiwari"),
        affiliation="IIT Madras; Jadavpur University; IIT Jodhpur, India",
        section="4.4",
        parameters=10_848_786,
        multiple_of=16,
        evidence="published code",
        source=_DMSHN,
        licence="MIT",
        departures=("published after the challenge", "pictures are padded, and not stretched to 1536x1024"),
        framework="PyTorch",
        hardware="GeForce GTX 1080 Ti",
    ),
    Solution(
        name="team-horizon-wm",
        build=_dmshn_wm,
        team="Team Horizon",
        title="Deep Multi-scale Hierarchical Network with weight maps, as the report describes it",
        authors=("Saikat Dutta", "Sourya Dipta Das", "Nisarg A. Shah"),
        affiliation="IIT Madras; Jadavpur University; IIT Jodhpur, India",
        section="4.4",
        parameters=5_429_292,
        multiple_of=16,
        source="the report; encoders and decoders as released",
        departures=("number of maps and the blurred pictures that they weigh are chosen here",),
        framework="PyTorch",
        hardware="GeForce GTX 1080 Ti",
    ),
    Solution(
        name="ipcv-iitm",
        build=_dddf,
        team="IPCV_IITM",
        title="Dense Dynamic Filtering Network for Rendering Synthetic Depth-of-Field Effect",
        authors=("Kuldeep Purohit", "Praveen Kandula", "Maitreya Suin", "A. N. Rajagopalan"),
        affiliation="Indian Institute of Technology Madras, India",
        section="4.5",
        needs=("saliency", "depth"),
        parameters=13_839_968,
        multiple_of=32,
        padding="edge",
        padded_at="start",
        value_range=(0.0, 255.0),
        evidence="published code",
        source="github.com/kuldeeppurohit/DDDF-Bokeh-Effect-Rendering-ICCV2019",
        licence="none stated",
        departures=(
            "dense blocks of 6, 12 and 24 layers as in the code; the report says 12, 16 and 24",
            "depth and saliency come from wideopen's own network unless maps or the front ends' weights are given",
            "depth is stretched to all of 0 to 255; the authors divide by its largest value only",
            "the mean that is taken off counts the padding too",
        ),
        framework="PyTorch",
        hardware="NVIDIA Titan X",
        psnr_db=23.77,
        ssim=0.8866,
        mos=2.5,
    ),
    Solution(
        name="cet21-cv",
        build=_strided_unet,
        team="CET21_CV",
        title="Synthetic Bokeh Effect with Modified UNet",
        authors=("Saagara M B", "Minnu A L"),
        affiliation=_CET,
        section="4.6",
        parameters=1_742_739,
        multiple_of=16,
        source="the report",
        departures=("depth, widths, filters per level and slopes are chosen here, near the published runtime",),
        framework="TensorFlow",
        hardware="Nvidia Tesla P100",
        psnr_db=22.80,
        ssim=0.8628,
        mos=1.3,
    ),
    Solution(
        name="cet-ece",
        build=_wide_activation,
        team="CET_ECE",
        title="Bokeh Effect Rendering with Deep Convolutional Neural Network",
        authors=("Sanjana A R", "Praseeda S"),
        affiliation=_CET,
        section="4.7",
        parameters=398_628,
        multiple_of=4,
        source="the report",
        departures=("width, number of blocks, expansion and place of attention are chosen here",),
        framework="TensorFlow",
        hardware="Nvidia Tesla P100",
        psnr_db=22.85,
        ssim=0.8629,
        mos=1.2,
    ),
    Solution(
        name="xuehuapiaopiao",
        build=_pynet,
        team="xuehuapiaopiao-team",
        title="Multi-scale Bokeh Rendering Network",
        authors=("Ge Wu", "Xueqin Chen", "Tengyao Wang"),
        section="4.8",
        needs=("depth",),
        parameters=47_551_791,
        multiple_of=64,
        source="the report: a slightly modified PyNET",
        departures=("what was modified is not said; this is PyNET",),
        framework="TensorFlow",
        hardware="GeForce GTX 1080 Ti",
        psnr_db=22.98,
        ssim=0.8758,
    ),
    Solution(
        name="terminator",
        build=_pynet,
        team="Terminator",
        title="Simulating Realistic Bokeh Rendering with an Improved Dataset and Robust Network",
        authors=("Max Zheng", "Hulk Wong", "Jay Zou"),
        section="4.8",
        needs=("depth",),
        parameters=47_551_791,
        multiple_of=64,
        source="the report: a slightly modified PyNET",
        departures=("what was modified is not said; this is PyNET",),
        framework="TensorFlow",
        hardware="GeForce GTX 1080 Ti",
        psnr_db=23.04,
        ssim=0.8756,
    ),
    Solution(
        name="pynet",
        build=_pynet,
        team="baseline",
        title="Rendering Natural Camera Bokeh Effect with Deep Learning",
        authors=("Andrey Ignatov", "Jagruti Patel", "Radu Timofte"),
        affiliation="Computer Vision Lab, ETH Zurich, Switzerland",
        needs=("depth",),
        parameters=47_551_791,
        multiple_of=64,
        evidence="published code",
        source=_PYNET,
        licence="CC BY-NC-SA 4.0",
        departures=("depth comes from wideopen's own network unless a map is given, and is stretched to 0 to 1",),
        framework="TensorFlow",
    ),
)
"""Ten solutions in the order of Table 1, each with its variants behind it, and the baseline."""
