"""红领志愿服务银行: a volunteer time bank. One hour served deposits one 爱心币 (60 minutes)."""

__version__ = "0.1.0"
