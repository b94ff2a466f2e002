module passkeyd.example/go

go 1.19
