@echo off
rem Starts the harness; dotnet builds it first when needed.
dotnet run -c Release --project "%~dp0harness" -v q -- %*
exit /b %ERRORLEVEL%
